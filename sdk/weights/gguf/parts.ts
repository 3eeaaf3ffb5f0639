/** A GGUF model in several files, as llama.cpp splits one: the first part has the metadata, each has some tensors. */
import { basename, dirname, join } from "node:path";

const PART = /^(.+)-(\d{5})-of-(\d{5})(\.gguf)$/i;
/** More parts than this are no model but a damaged name. */
const MOST_PARTS = 1000;

/**
 * All files of the model that one of them names, the first part first; the file alone where its name is no part's.
 * Only names beside the given one are made, whatever the files say.
 */
export function ggufParts(path: string): string[] {
  const match = PART.exec(basename(path));
  const count = Number(match?.[3]);
  if (!match || count < 1 || count > MOST_PARTS || Number(match[2]) < 1 || Number(match[2]) > count)
    return [path];
  const name = (i: number) => `${match[1]}-${String(i + 1).padStart(5, "0")}-of-${match[3]}${match[4]}`;
  return Array.from({ length: count }, (_, i) =>
    dirname(path) === "." ? name(i) : join(dirname(path), name(i)),
  );
}
