/** The weights of a model folder as Hugging Face lays it out: one safetensors file, or shards with an index. */
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { basename, join } from "node:path";
import { readable } from "../files.ts";
import { ggufParts } from "./gguf/parts.ts";
import { rememberedHash } from "./hashCache.ts";
import { isGguf } from "./modelPath.ts";
import {
  missingTensor,
  openSafetensors,
  type SafetensorsFile,
  type TensorInfo,
  type TensorPlace,
  type TensorSource,
  type TensorValue,
} from "./safetensors.ts";

const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";

/**
 * Opens `model.safetensors`, or the shards that `model.safetensors.index.json` names.
 *
 * @throws when neither is there, when the index names a file outside the folder or one that is missing, or when a
 *   shard lacks a tensor that the index places in it; lists every problem
 */
export function openWeights(dir: string): TensorSource {
  const files = weightFiles(dir);
  const opened: SafetensorsFile[] = [];
  try {
    for (const file of files.keys()) opened.push(openSafetensors(join(dir, file)));
    return new Shards(dir, byTensor(dir, opened, files));
  } catch (error) {
    for (const shard of opened) shard.close();
    throw error;
  }
}

/**
 * The sha256, in hex, of all weight files in the order of their names: which weights these are. That of a large model is
 * remembered in the user's cache folder.
 *
 * @param path a folder, or a GGUF file; of a model in several, any part
 */
export function hashWeights(path: string): string {
  const files = isGguf(path)
    ? ggufParts(path)
    : [...weightFiles(path).keys()].sort().map((file) => join(path, file));
  return rememberedHash(files, () => hashOf(files));
}

function hashOf(files: string[]): string {
  const hash = createHash("sha256");
  const chunk = new Uint8Array(2 ** 24);
  for (const file of files) {
    const descriptor = openSync(file, "r");
    try {
      for (let got = readSync(descriptor, chunk); got > 0; got = readSync(descriptor, chunk)) {
        hash.update(chunk.subarray(0, got));
      }
    } finally {
      closeSync(descriptor);
    }
  }
  return hash.digest("hex");
}

class Shards implements TensorSource {
  readonly tensors: ReadonlyMap<string, TensorInfo>;

  constructor(
    readonly path: string,
    private readonly shardOf: Map<string, SafetensorsFile>,
  ) {
    this.tensors = new Map([...shardOf].map(([name, shard]) => [name, shard.tensors.get(name)!]));
  }

  locate(name: string): TensorPlace | undefined {
    return this.shard(name).locate(name);
  }

  read(name: string): TensorValue {
    return this.shard(name).read(name);
  }

  private shard(name: string): SafetensorsFile {
    const shard = this.shardOf.get(name);
    if (!shard) throw missingTensor(this, name);
    return shard;
  }

  close(): void {
    for (const shard of this.shardOf.values()) shard.close();
  }
}

/** File name to the tensors that the index places in it; null for a single file, which needs no index. */
function weightFiles(dir: string): Map<string, string[] | null> {
  if (existsSync(join(dir, SINGLE))) return new Map([[SINGLE, null]]);
  const indexFile = join(dir, INDEX);
  if (!existsSync(indexFile)) {
    const there = existsSync(dir)
      ? `it has ${
          readdirSync(dir)
            .map((file) => (existsSync(join(dir, file)) ? file : `${file} (a link to a file that is gone)`))
            .join(", ") || "nothing"
        }`
      : "it does not exist";
    throw new Error(
      `${dir}: expected ${SINGLE} or ${INDEX}, but ${there}: download the model into this folder`,
    );
  }
  const files = new Map<string, string[]>();
  const problems: string[] = [];
  for (const [tensor, file] of Object.entries(readWeightMap(indexFile))) {
    // Index files come from strangers: only a plain name may be opened.
    if (typeof file !== "string" || !isPlainName(file)) {
      problems.push(
        `tensor "${tensor}": expected the name of a file in this folder, got ${JSON.stringify(file)}`,
      );
    } else files.set(file, [...(files.get(file) ?? []), tensor]);
  }
  for (const file of files.keys()) {
    if (!existsSync(join(dir, file))) problems.push(`shard ${file} is missing: download it again`);
  }
  if (problems.length > 0) throw new Error(`${indexFile}: ${problems.join("; ")}`);
  return files;
}

function isPlainName(file: string): boolean {
  return basename(file) === file && !["", ".", ".."].includes(file) && !file.includes("\\");
}

function readWeightMap(indexFile: string): Record<string, unknown> {
  const text = readable(indexFile, () => readFileSync(indexFile, "utf8"));
  let index: unknown;
  try {
    index = JSON.parse(text);
  } catch (error) {
    throw new Error(`${indexFile}: expected JSON, got ${(error as Error).message}: download it again`);
  }
  const map = (index as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== "object" || map === null || Array.isArray(map)) {
    throw new Error(
      `${indexFile}: expected "weight_map", an object of tensor to file, got ${JSON.stringify(map)}`,
    );
  }
  return map as Record<string, unknown>;
}

function byTensor(
  dir: string,
  shards: SafetensorsFile[],
  files: Map<string, string[] | null>,
): Map<string, SafetensorsFile> {
  const shardOf = new Map<string, SafetensorsFile>();
  const problems: string[] = [];
  for (const shard of shards) {
    for (const name of files.get(basename(shard.path)) ?? shard.tensors.keys()) {
      if (shard.tensors.has(name)) shardOf.set(name, shard);
      else problems.push(`shard ${basename(shard.path)} has no tensor "${name}", where ${INDEX} places it`);
    }
  }
  if (problems.length > 0) throw new Error(`${dir}: ${problems.join("; ")}; download the model again`);
  return shardOf;
}
