/**
 * What only TensorFlow has, in one place: where its package is found, and what it must be. The model runs on it through
 * the ops' references, the same code that runs on plain tfjs.
 *
 * Its dtype rules are tfjs's own (int32 and float32 are not mixed in an op), and its memory is tfjs's: what `tidy` does
 * not free stays. So nothing else in this library knows of it.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { packageRoot } from "./packageRoot.ts";

/** In the order in which they are tried. */
const PACKAGES = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"] as const;

/**
 * Loads the first of TensorFlow's packages that is installed, which registers tfjs's backend "tensorflow".
 *
 * @param folders where packages are looked for; default: the working directory, then this package
 * @returns the package's name
 * @throws when none is installed, or when the one that is cannot be used: says why, and what to do
 */
export async function loadTensorflow(folders: string[] = [process.cwd(), packageRoot()]): Promise<string> {
  const problems: string[] = [];
  for (const name of PACKAGES) {
    const path = folders.map((folder) => locate(name, folder)).find(Boolean);
    if (!path) continue;
    try {
      await import(pathToFileURL(path).href);
    } catch (error) {
      problems.push(`${name} is installed but does not load (${(error as Error).message.split("\n")[0]})`);
      continue;
    }
    // A second copy of tfjs-core would have a registry of its own, in which the backend then is.
    if (tf.findBackend("tensorflow")) return name;
    problems.push(
      `${name} brings another copy of @tensorflow/tfjs-core: install the version ${tf.version_core} of both`,
    );
  }
  throw new Error(
    `device "tensorflow" is not available: ${problems.join("; ") || `neither ${PACKAGES.join(" nor ")} is installed`}. ` +
      `Install one of them in your project (npm install @tensorflow/tfjs-node@${tf.version_core}), or choose another device`,
  );
}

function locate(name: string, folder: string): string | undefined {
  try {
    return createRequire(join(folder, "package.json")).resolve(name);
  } catch {
    // Not there, which is an answer: the next one is tried, and the error names all.
    return undefined;
  }
}
