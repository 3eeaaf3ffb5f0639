import { existsSync, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { packageRoot } from "../backend/packageRoot.ts";

/**
 * The folder that a model name means.
 *
 * @throws when there is none: names the places that were looked at
 */
export function resolveModelDir(source: string): string {
  const places = isAbsolute(source) ? [source] : [resolve(source), join(packageRoot(), source)];
  const found = places.find((place) => existsSync(place));
  if (!found) {
    throw new Error(
      `model "${source}": no such folder (looked at ${places.join(" and ")}); give a folder with config.json`,
    );
  }
  if (!statSync(found).isDirectory())
    throw new Error(`model "${source}": ${found} is a file; give the folder that holds it`);
  return found;
}
