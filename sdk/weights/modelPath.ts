import { existsSync, readdirSync, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { packageRoot } from "../backend/packageRoot.ts";
import { readable } from "../files.ts";
import { ggufParts } from "./gguf/parts.ts";
import { cachedPath, parseHubSource } from "./hub/source.ts";

/**
 * The folder, or the GGUF file, that a model name means: a path relative to the working directory, else to the package
 * (for the bundled models), else a hub's name in the cache (`fetchModel` puts it there). A folder without config.json
 * that holds one GGUF file means that file.
 *
 * @throws when there is none: names the places that were looked at
 */
export function resolveModelPath(source: string): string {
  const found = localPath(source) ?? cached(source);
  if (!found) {
    throw new Error(
      `model "${source}": no such folder (looked at ${places(source).join(" and ")}); give a folder with config.json`,
    );
  }
  if (statSync(found).isDirectory()) return ggufInside(found, source) ?? found;
  if (isGguf(found)) return found;
  throw new Error(`model "${source}": ${found} is a file; give the folder that holds it, or a .gguf file`);
}

/** The path on this machine that the name is, the hub's cache apart; undefined where there is none. */
export function localPath(source: string): string | undefined {
  return places(source).find((place) => existsSync(place));
}

/** True for a path that ends in .gguf. */
export function isGguf(path: string): boolean {
  return path.toLowerCase().endsWith(".gguf");
}

function places(source: string): string[] {
  return isAbsolute(source) ? [source] : [resolve(source), join(packageRoot(), source)];
}

function cached(source: string): string | undefined {
  const hub = parseHubSource(source);
  return hub && cachedPath(hub);
}

function ggufInside(dir: string, source: string): string | undefined {
  const files = readable(dir, () => readdirSync(dir));
  if (files.includes("config.json") || files.includes("adapter_config.json")) return undefined;
  // Of a model in parts, the first stands for all.
  const found = files.filter((file) => isGguf(file) && ggufParts(file)[0] === file);
  if (found.length > 1) {
    throw new Error(
      `model "${source}": ${dir} has several GGUF files (${found.join(", ")}); name one of them`,
    );
  }
  return found.length === 1 ? join(dir, found[0]) : undefined;
}
