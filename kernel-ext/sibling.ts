/** The kernel runs from its sources (.ts, by tsx) in tests and from `dist` (.js) elsewhere; so do its threads and processes. */
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

/** The path of another file of the caller's folder, in the form that the caller itself runs in. */
export function sibling(caller: string, name: string): string {
  return fileURLToPath(new URL(`${name}${extname(caller)}`, caller));
}
