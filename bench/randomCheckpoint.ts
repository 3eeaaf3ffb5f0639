/** A checkpoint of random bfloat16 weights in Hugging Face layout, written without holding it in memory. */
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { float32ToBfloat16 } from "../sdk/backend/bfloat16.ts";
import { Random } from "../sdk/data/random.ts";
import { tensorShapes } from "../sdk/model/baseWeights.ts";
import { type MistralConfig, toHuggingFace } from "../sdk/model/config.ts";
import { type TensorToWrite, writeSafetensors } from "../sdk/weights/safetensors.ts";

/** Values before the stream repeats: enough that a block of 64 never meets its own copy in one row. */
const PERIOD = 2 ** 22 + 64;
const SHARD_BYTES = 4 * 2 ** 30;

/** Writes it unless it is there. The tokenizer is that of `tokenizerDir`. Normal weights with deviation 0.02. */
export function writeRandomCheckpoint(dir: string, config: MistralConfig, tokenizerDir: string): void {
  if (existsSync(join(dir, "config.json"))) return;
  mkdirSync(dir, { recursive: true });
  const random = new Random(1);
  const values = float32ToBfloat16(Float32Array.from({ length: PERIOD }, () => random.normal() * 0.02));
  let at = 0;
  const next = (length: number) => {
    const data = new Uint16Array(length);
    for (let done = 0; done < length; at = (at + 1) % PERIOD) {
      const part = values.subarray(at, Math.min(PERIOD, at + length - done));
      data.set(part, done);
      done += part.length;
      at += part.length;
    }
    return data;
  };
  const shards: Map<string, TensorToWrite>[] = [new Map()];
  let bytes = 0;
  for (const [name, shape] of tensorShapes(config)) {
    const size = shape.reduce((a, b) => a * b, 1);
    if (bytes > 0 && bytes + 2 * size > SHARD_BYTES) {
      shards.push(new Map());
      bytes = 0;
    }
    bytes += 2 * size;
    const data = () => (shape.length === 1 ? new Uint16Array(size).fill(0x3f80) : next(size));
    shards[shards.length - 1].set(name, { dtype: "BF16", shape, data });
  }
  const weightMap: Record<string, string> = {};
  for (const [i, tensors] of shards.entries()) {
    const file = `model-${String(i + 1).padStart(5, "0")}-of-${String(shards.length).padStart(5, "0")}.safetensors`;
    writeSafetensors(join(dir, file), tensors, { format: "pt" });
    for (const name of tensors.keys()) weightMap[name] = file;
  }
  writeFileSync(
    join(dir, "model.safetensors.index.json"),
    JSON.stringify({ metadata: {}, weight_map: weightMap }),
  );
  for (const file of ["tokenizer.json", "tokenizer_config.json"]) {
    copyFileSync(join(tokenizerDir, file), join(dir, file));
  }
  writeFileSync(join(dir, "config.json"), JSON.stringify(toHuggingFace(config, "bfloat16"), null, 2));
}
