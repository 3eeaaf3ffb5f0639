// From a folder of Mistral-7B's shape to the first token, in 4 bits, beside reading its bytes once with one buffer:
//   npx tsx bench/load.bench.ts [--device native|cuda] [--layers 32] [--cold] [--runs 3] [--dir /tmp/mistral-lab-7b]
// The checkpoint is made unless it is there (14.5 GB for 32 layers). --cold takes the files out of the page cache before
// each reading (GNU dd). CPU seconds are of all threads: on a busy machine they say more than the clock. Prints JSON lines.
import { spawnSync } from "node:child_process";
import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Device, useDevice } from "../sdk/backend/device.ts";
import { generate } from "../sdk/generate/generate.ts";
import { loadModel } from "../sdk/model/load.ts";
import { quantize } from "../sdk/model/quantize.ts";
import { SHAPES } from "./gpu/shapes.ts";
import { writeRandomCheckpoint } from "./randomCheckpoint.ts";

const { values } = parseArgs({
  options: {
    device: { type: "string", default: "native" },
    layers: { type: "string", default: "32" },
    dir: { type: "string" },
    cold: { type: "boolean", default: false },
    runs: { type: "string", default: "3" },
  },
});
const layers = Number(values.layers);
const dir = values.dir ?? `/tmp/mistral-lab-7b-${layers}`;
const config = { ...SHAPES["7b"], layers };

const files = () => readdirSync(dir).filter((name) => name.endsWith(".safetensors"));

function forget(): void {
  if (!values.cold) return;
  for (const file of files()) {
    const { status } = spawnSync("dd", [`if=${join(dir, file)}`, "iflag=nocache", "count=0"]);
    if (status !== 0) throw new Error("--cold needs GNU dd");
  }
}

/** Bytes of all shards, read into one buffer of 4 MiB. */
function readAll(): number {
  const buffer = Buffer.alloc(2 ** 22);
  let bytes = 0;
  for (const file of files()) {
    const descriptor = openSync(join(dir, file), "r");
    for (let got = 1; got > 0; bytes += got) got = readSync(descriptor, buffer);
    closeSync(descriptor);
  }
  return bytes;
}

async function timed<T>(work: () => T | Promise<T>): Promise<{ value: T; seconds: number; cpu: number }> {
  const before = process.cpuUsage();
  const start = performance.now();
  const value = await work();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(before);
  return { value, seconds, cpu: (user + system) / 1e6 };
}

const round = (value: number) => +value.toFixed(2);

writeRandomCheckpoint(dir, config, "data/models/mini");
const { description } = await useDevice(values.device as Device);
for (let run = 0; run < Number(values.runs); run++) {
  forget();
  const read = await timed(readAll);
  forget();
  const load = await timed(async () => quantize(await loadModel(dir)));
  const token = await timed(async () => {
    for await (const _ of generate(load.value, [1, 5, 6, 7], { maxNewTokens: 1 })) return;
  });
  console.log(
    JSON.stringify({
      device: description,
      GB: round(read.value / 1e9),
      cache: values.cold ? "cold" : "as it was",
      read: round(read.seconds),
      load: round(load.seconds),
      firstToken: round(token.seconds),
      ratio: round((load.seconds + token.seconds) / read.seconds),
      cpu: { read: round(read.cpu), load: round(load.cpu), firstToken: round(token.cpu) },
      peakGB: round(process.resourceUsage().maxRSS / 1e6),
    }),
  );
  load.value.dispose();
}
