/**
 * What only TensorFlow has, in one place: where its package is found, and what it must be. The model runs on it through
 * the ops' references, the same code that runs on plain tfjs.
 *
 * Its dtype rules are tfjs's own (int32 and float32 are not mixed in an op), and its memory is tfjs's: what `tidy` does
 * not free stays. So nothing else in this library knows of it.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { packageRoot } from "./packageRoot.ts";

/** In the order in which they are tried. */
const PACKAGES = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"] as const;

/** The version of its packages that shares this package's copy of tfjs-core. */
export const TENSORFLOW_VERSION = tf.version_core;

export interface Tensorflow {
  /** The package that was loaded. */
  name: string;
  /** TensorFlow's own version, which is not the package's; undefined where the package does not say. */
  version?: string;
  /** Whether it computes on a GPU. */
  gpu: boolean;
}

/** What TensorFlow's backend has beyond tfjs's. Its `binding` is the C++ part. */
interface TensorflowBackend {
  isUsingGpuDevice?: boolean;
  binding?: { TF_Version?: string };
}

/**
 * Loads the first of TensorFlow's packages that is installed, which registers tfjs's backend "tensorflow".
 *
 * @param folders where packages are looked for; default: the working directory, this package, and its
 *   build/tensorflow
 * @throws when none is installed, or when the one that is cannot be used: says why, and what to do
 */
export async function loadTensorflow(folders?: string[]): Promise<Tensorflow> {
  // TensorFlow tells what it was compiled for at each start. 1 leaves warnings and errors.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "1";
  const problems: string[] = [];
  for (const { name, path } of findTensorflow(folders)) {
    try {
      await import(pathToFileURL(path).href);
    } catch (error) {
      problems.push(`${name} is installed but does not load (${(error as Error).message.split("\n")[0]})`);
      continue;
    }
    // A second copy of tfjs-core would have a registry of its own, in which the backend then is.
    const backend = tf.findBackend("tensorflow") as TensorflowBackend | null;
    if (backend) {
      return { name, version: backend.binding?.TF_Version, gpu: backend.isUsingGpuDevice ?? false };
    }
    problems.push(
      `${name} brings another copy of @tensorflow/tfjs-core: install the version ${TENSORFLOW_VERSION} of both`,
    );
  }
  throw new Error(
    `device "tensorflow" is not available: ${problems.join("; ") || `neither ${PACKAGES.join(" nor ")} is installed`}. ` +
      `Install one of them in your project (npm install @tensorflow/tfjs-node@${TENSORFLOW_VERSION}), or choose another device`,
  );
}

/** Where they are looked for: the project, this package, and where scripts/build-tensorflow.mjs puts one. */
function usualFolders(): string[] {
  return [process.cwd(), packageRoot(), join(packageRoot(), "build", "tensorflow")];
}

/** TensorFlow's packages that are installed, with the file that loads each; loads none of them. */
export function findTensorflow(folders: string[] = usualFolders()): { name: string; path: string }[] {
  return PACKAGES.flatMap((name) => {
    const path = folders.map((folder) => locate(name, folder)).find(Boolean);
    return path ? [{ name, path }] : [];
  });
}

function locate(name: string, folder: string): string | undefined {
  let path: string;
  try {
    path = createRequire(join(folder, "package.json")).resolve(name);
  } catch {
    // Not there, which is an answer: the next one is tried, and the error names all.
    return undefined;
  }
  return isPackage(name, path) ? path : undefined;
}

/** Whether a file belongs to the package of that name. An alias (plain tfjs, to spare a download) has another. */
function isPackage(name: string, file: string): boolean {
  for (let dir = dirname(file); dir !== dirname(dir); dir = dirname(dir)) {
    let text: string;
    try {
      text = readFileSync(join(dir, "package.json"), "utf8");
    } catch {
      continue;
    }
    const found = (JSON.parse(text) as { name?: string }).name;
    if (found !== undefined) return found === name;
  }
  return false;
}
