/** The words after `npm run bench:gpu --`. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { MistralConfig } from "../../sdk/model/config.ts";
import { SHAPES } from "./shapes.ts";

/** One training: `count` rows of `length` tokens in a micro batch. */
export interface TrainingCase {
  /** "1x512", as the peers call it too. */
  size: string;
  count: number;
  length: number;
  /** GiB that it may take. Default: what the card has. */
  gib?: number;
}

export const PEERS = ["transformers", "llama.cpp"] as const;
export type Peer = (typeof PEERS)[number];

export interface BenchOptions {
  shape: string;
  config: MistralConfig;
  dir: string;
  cases: TrainingCase[];
  steps: number;
  seconds: number;
  profile: boolean;
  peers: readonly Peer[];
  /** Only the comparison of so many training steps. */
  curve?: number;
}

export const HELP = `npm run bench:gpu -- [${Object.keys(SHAPES).join("|")}] [options]

A model of random weights on the GPU, NF4 with double quantisation and LoRA r 8: load and quantise, train, prefill,
decode, beside the limits of the same card and the peers that are installed, in one run. Every op is checked first. A
JSON line a result, as it comes; a table at the end, also of a run that is stopped.

  --dir FOLDER     of the checkpoint, written at the first run: 14.5 GB for 7b (default: in the system's temporary folder)
  --case LIST      trainings, as ROWSxTOKENS of a micro batch, with @GIB for the memory that it may take; without, the
                   whole card (default: 1x512@5.38,16x512@12.46,1x4096@8.57,1x512,16x512,1x4096: the peers' peaks)
  --steps N        of each training, ours and the peers'; the first eight warm up (default: 24)
  --peers LIST     all, none, or some of: ${PEERS.join(", ")} (default: all that are there). transformers: with PEFT and
                   bitsandbytes in python3, or the program in PYTHON. llama.cpp: LLAMA_BENCH names its llama-bench,
                   LLAMA_MODEL a GGUF file
  --seconds N      for the whole run; ours come first, what is not measured by then is left out (default: 540)
  --profile        also the device time of each kernel
  --curve N        only N training steps beside transformers, of the same weights, adapter and data, by default in the
                   shape 4x4096; the ends must be within 1 %
  --help`;

const LIST = "1x512@5.38,16x512@12.46,1x4096@8.57,1x512,16x512,1x4096";

/** @throws an Error that names the option, what it takes, and what it got; undefined for --help */
export function readOptions(words: readonly string[]): BenchOptions | undefined {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      dir: { type: "string" },
      case: { type: "string", default: LIST },
      steps: { type: "string", default: "24" },
      peers: { type: "string", default: "all" },
      seconds: { type: "string", default: "540" },
      profile: { type: "boolean", default: false },
      curve: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const curve = values.curve === undefined ? undefined : positive("--curve", values.curve);
  const shape = positionals[0] ?? (curve ? "4x4096" : "7b");
  const config = SHAPES[shape];
  if (!config || positionals.length > 1) {
    throw new Error(
      `expected one of the shapes ${Object.keys(SHAPES).join(", ")}, got "${positionals.join(" ")}"`,
    );
  }
  return {
    ...{ shape, config, curve, profile: values.profile },
    dir: values.dir ?? join(tmpdir(), `mistral-lab-bench-${shape}`),
    cases: values.case.split(",").filter(Boolean).map(trainingCase),
    steps: positive("--steps", values.steps),
    seconds: positive("--seconds", values.seconds),
    peers: peersOf(values.peers),
  };
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new Error(`${option}: expected a whole number of at least 1, got "${text}"`);
  }
  return value;
}

function trainingCase(text: string): TrainingCase {
  const found = /^(([1-9]\d*)x([1-9]\d*))(?:@(\d+(?:\.\d+)?))?$/.exec(text);
  if (!found)
    throw new Error(`--case: expected ROWSxTOKENS or ROWSxTOKENS@GIB, such as 1x512@5.38, got "${text}"`);
  const [, size, count, length, gib] = found;
  return { size, count: Number(count), length: Number(length), ...(gib ? { gib: Number(gib) } : {}) };
}

function peersOf(text: string): readonly Peer[] {
  if (text === "all") return PEERS;
  if (text === "none") return [];
  return text.split(",").map((name) => {
    const peer = PEERS.find((one) => one === name);
    if (!peer) throw new Error(`--peers: expected all, none, or some of ${PEERS.join(", ")}, got "${name}"`);
    return peer;
  });
}
