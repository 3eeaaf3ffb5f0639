/**
 * The goldens: files in test/goldens/data that test/goldens/scripts make with torch, transformers, PEFT and
 * bitsandbytes. Tests of goldens that are not there skip, and say so.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { openSafetensors, type TensorSource, toFloat32 } from "../../sdk/weights/safetensors.ts";

const MAGIC = "mistral-lab-golden";
const VERSION = 1;

/** Path of a golden file or folder. */
export function goldenPath(name: string): string {
  return join(dirname(fileURLToPath(import.meta.url)), "data", name);
}

/** Skips the test, or the whole suite from a `before` hook, when one of the goldens is missing; prints the reason. */
export function needsGoldens(context: Mocha.Context, ...names: string[]): void {
  const missing = names.filter((name) => !existsSync(goldenPath(name)));
  if (missing.length === 0) return;
  console.log(
    `      skipped: no ${missing.join(", ")} in test/goldens/data; test/goldens/scripts/run_all.sh makes it`,
  );
  context.skip();
}

/** A golden table of tensors. @throws when it is of another kind or version */
export function readGoldenTensors(name: string): GoldenTensors {
  const source = openSafetensors(goldenPath(name));
  checkMarks(name, source.metadata.magic, Number(source.metadata.version));
  return new GoldenTensors(source);
}

/** A golden JSON file; its shape is the caller's to know. @throws when it is of another kind or version */
export function readGoldenJson<T>(name: string): T {
  const json = JSON.parse(readFileSync(goldenPath(name), "utf8")) as T & {
    magic?: unknown;
    version?: unknown;
  };
  checkMarks(name, json.magic, json.version);
  return json;
}

export class GoldenTensors {
  constructor(private readonly source: TensorSource) {}

  get names(): string[] {
    return [...this.source.tensors.keys()];
  }

  has(name: string): boolean {
    return this.source.tensors.has(name);
  }

  shape(name: string): readonly number[] {
    return this.source.read(name).shape;
  }

  floats(name: string): Float32Array {
    return toFloat32(this.source.read(name), name);
  }

  bytes(name: string): Uint8Array {
    const { data } = this.source.read(name);
    if (data instanceof Uint8Array) return data;
    throw new Error(`golden ${name}: expected U8, got ${data.constructor.name}`);
  }

  ints(name: string): Int32Array {
    const { data } = this.source.read(name);
    if (data instanceof Int32Array) return data;
    throw new Error(`golden ${name}: expected I32, got ${data.constructor.name}`);
  }

  close(): void {
    this.source.close();
  }
}

function checkMarks(name: string, magic: unknown, version: unknown): void {
  if (magic === MAGIC && version === VERSION) return;
  throw new Error(
    `golden ${name}: expected ${MAGIC} version ${VERSION}, got ${magic} version ${version}: make it again`,
  );
}
