import { existsSync, readdirSync, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { packageRoot } from "../backend/packageRoot.ts";

/**
 * The folder, or the GGUF file, that a model name means. A folder without config.json that holds one GGUF file means
 * that file.
 *
 * @throws when there is none: names the places that were looked at
 */
export function resolveModelPath(source: string): string {
  const places = isAbsolute(source) ? [source] : [resolve(source), join(packageRoot(), source)];
  const found = places.find((place) => existsSync(place));
  if (!found) {
    throw new Error(
      `model "${source}": no such folder (looked at ${places.join(" and ")}); give a folder with config.json`,
    );
  }
  if (statSync(found).isDirectory()) return ggufInside(found, source) ?? found;
  if (isGguf(found)) return found;
  throw new Error(`model "${source}": ${found} is a file; give the folder that holds it, or a .gguf file`);
}

/** True for a path that ends in .gguf. */
export function isGguf(path: string): boolean {
  return path.toLowerCase().endsWith(".gguf");
}

function ggufInside(dir: string, source: string): string | undefined {
  const files = readdirSync(dir);
  if (files.includes("config.json") || files.includes("adapter_config.json")) return undefined;
  const found = files.filter(isGguf);
  if (found.length > 1) {
    throw new Error(
      `model "${source}": ${dir} has several GGUF files (${found.join(", ")}); name one of them`,
    );
  }
  return found.length === 1 ? join(dir, found[0]) : undefined;
}
