/**
 * Damaged files of every kind that a model comes in: bytes changed, ends cut off, lengths made huge, JSON values
 * swapped. Each either loads (a weight may be any number) or is one clear error that names a file; none opens a file
 * outside its folder, none allocates by a length that a file claims.
 */
import assert from "node:assert/strict";
import fs, { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { useDevice } from "../../sdk/backend/device.ts";
import { packageRoot } from "../../sdk/backend/packageRoot.ts";
import { Random } from "../../sdk/data/random.ts";
import { exportMerged } from "../../sdk/export/merged.ts";
import { loadModel } from "../../sdk/model/load.ts";
import { attachLora } from "../../sdk/model/lora.ts";
import { Tokenizer } from "../../sdk/text/tokenizer.ts";
import { GoldenModels } from "../goldens/models.ts";
import { goldenPath } from "../goldens/read.ts";
import { HOST } from "../host.ts";
import { bytesField, floatField, message, numberField } from "../text/mistralTokenizers.ts";

/** More than any of these files needs by far; a length field can ask for terabytes. */
const MOST_BYTES = 64 * 2 ** 20;

type Change = (bytes: Buffer, random: Random) => Buffer;

const flipBytes: Change = (bytes, random) => {
  // Most of a file is weights, in which nothing can be wrong: headers are hit more often.
  const within = random.int(2) === 0 ? Math.min(bytes.length, 4096) : bytes.length;
  for (let i = 0; i <= random.int(4); i++) bytes[random.int(within)] = random.int(256);
  return bytes;
};
const cutOff: Change = (bytes, random) => bytes.subarray(0, random.int(bytes.length));
const append: Change = (bytes, random) =>
  Buffer.concat([bytes, Buffer.alloc(1 + random.int(64), random.int(256))]);
const hugeNumber: Change = (bytes, random) => {
  const at = random.int(Math.min(bytes.length - 8, 4096));
  const values = [2n ** 63n, 2n ** 40n, 2n ** 32n - 1n, 2n ** 64n - 1n, 2n ** 31n, 0n];
  bytes.writeBigUInt64LE(values[random.int(values.length)], at);
  return bytes;
};
const BINARY = [flipBytes, flipBytes, cutOff, append, hugeNumber, hugeNumber];

const ODD = [
  null,
  -1,
  0,
  1e308,
  2 ** 53,
  "",
  "../../../etc/passwd",
  "/etc/passwd",
  "\0",
  [],
  {},
  [[]],
  true,
  "x",
  1.5,
];
const swapValue: Change = (bytes, random) => {
  const json = JSON.parse(bytes.toString("utf8"));
  const places: [Record<string, unknown>, string][] = [];
  const walk = (value: unknown) => {
    if (typeof value !== "object" || value === null) return;
    for (const key of Object.keys(value).slice(0, 40)) {
      places.push([value as Record<string, unknown>, key]);
      walk((value as Record<string, unknown>)[key]);
    }
  };
  walk(json);
  const [owner, key] = places[random.int(places.length)];
  if (random.int(5) === 0) delete owner[key];
  else owner[key] = ODD[random.int(ODD.length)];
  return Buffer.from(JSON.stringify(json));
};
const TEXT = [swapValue, swapValue, swapValue, swapValue, flipBytes, cutOff];

interface Kind {
  what: string;
  count: number;
  /** In the folder that is damaged; one of them is taken each time. */
  files: string[];
  changes: Change[];
  load(dir: string): Promise<unknown>;
}

const useTokenizer = async (dir: string) => {
  const tokenizer = await Tokenizer.load(dir);
  tokenizer.decode(tokenizer.encode("L'été 😀 </s>\n"));
};

const KINDS: (Kind & { from: string })[] = [
  {
    what: "safetensors",
    from: "base",
    count: 400,
    files: ["model.safetensors"],
    changes: BINARY,
    load: loadModel,
  },
  { what: "GGUF", from: "gguf", count: 600, files: ["x.gguf"], changes: BINARY, load: loadModel },
  {
    what: "index",
    from: "shards",
    count: 300,
    files: ["model.safetensors.index.json"],
    changes: TEXT,
    load: loadModel,
  },
  { what: "config", from: "base", count: 300, files: ["config.json"], changes: TEXT, load: loadModel },
  {
    what: "tokenizer.json",
    from: "base",
    count: 400,
    files: ["tokenizer.json", "tokenizer_config.json"],
    changes: TEXT,
    load: useTokenizer,
  },
  {
    what: "adapter config",
    from: "adapter",
    count: 250,
    files: ["adapter_config.json", "mistral_lab.json"],
    changes: TEXT,
    load: loadModel,
  },
  {
    what: "adapter weights",
    from: "adapter",
    count: 250,
    files: ["adapter_model.safetensors"],
    changes: BINARY,
    load: loadModel,
  },
  {
    what: "quantised weights",
    from: "nf4",
    count: 200,
    files: ["model.safetensors"],
    changes: BINARY,
    load: loadModel,
  },
  {
    what: "tokenizer.model",
    from: "tokenizers",
    count: 200,
    files: ["spm/tokenizer.model"],
    changes: BINARY,
    load: (dir) => useTokenizer(join(dir, "spm")),
  },
  {
    what: "tekken.json",
    from: "tokenizers",
    count: 200,
    files: ["tekken/tekken.json"],
    changes: TEXT,
    load: (dir) => useTokenizer(join(dir, "tekken")),
  },
];

/** A small tokenizer.model and tekken.json. */
function writeTokenizers(dir: string): void {
  const pieces = ["<unk>", "<s>", "</s>", ..."abcdé▁", "ab", "▁a"].map((text, id) =>
    message(1, [bytesField(1, Buffer.from(text)), floatField(2, -id), numberField(3, [2, 3, 3][id] ?? 1)]),
  );
  const settings = [message(2, [numberField(3, 2)]), message(3, [numberField(3, 1), numberField(4, 0)])];
  mkdirSync(join(dir, "spm"), { recursive: true });
  writeFileSync(join(dir, "spm/tokenizer.model"), Buffer.concat([...pieces, ...settings]));
  const vocab = Array.from({ length: 256 }, (_, rank) => {
    return { rank, token_bytes: Buffer.from([rank]).toString("base64"), token_str: null };
  });
  const config = { pattern: ".", default_vocab_size: 276, default_num_special_tokens: 20 };
  mkdirSync(join(dir, "tekken"));
  writeFileSync(join(dir, "tekken/tekken.json"), JSON.stringify({ config, vocab }));
}

describe("damaged files", function () {
  this.timeout(300_000);
  let root: string;
  let models: GoldenModels;
  before(async () => {
    await useDevice(HOST);
    root = mkdtempSync(join(tmpdir(), "damaged-"));
    models = new GoldenModels();
    const base = await models.load("family/nemo");
    cpSync(base.source, join(root, "base"), { recursive: true });
    cpSync((await models.load("tiny-mistral-nf4")).source, join(root, "nf4"), { recursive: true });
    await exportMerged(base, join(root, "shards"), { maxShardBytes: 40_000 });
    mkdirSync(join(root, "gguf"));
    writeTokenizers(join(root, "tokenizers"));
    cpSync(goldenPath("gguf/nemo-f16.gguf"), join(root, "gguf/x.gguf"));
    await attachLora(await loadModel(join(root, "base")), { r: 2 }).save(join(root, "adapter"));
  });
  after(() => {
    models.remove();
    rmSync(root, { recursive: true });
  });

  for (const { what, from, count, files, changes, load } of KINDS) {
    it(`${count} of ${what}: a clear error, or what can be loaded`, async () => {
      const dir = join(root, `damaged-${from}`);
      const random = new Random(count);
      let refused = 0;
      for (let i = 0; i < count; i++) {
        rmSync(dir, { recursive: true, force: true });
        cpSync(join(root, from), dir, { recursive: true });
        const file = join(dir, files[i % files.length]);
        const change = changes[i % changes.length];
        writeFileSync(file, change(readFileSync(file), random));
        const label = `${what} ${i} (${change.name})`;
        const before = process.memoryUsage().arrayBuffers;
        const opened = await whileWatching(async () => {
          try {
            await load(dir);
          } catch (error) {
            refused++;
            assertClear(error, label);
          }
        });
        const grown = process.memoryUsage().arrayBuffers - before;
        assert.ok(grown < MOST_BYTES, `${label}: ${grown} bytes were allocated`);
        for (const path of opened) {
          const inside = [root, packageRoot()].some((place) => resolve(path).startsWith(place));
          assert.ok(inside, `${label}: opened ${path}`);
        }
      }
      assert.ok(refused > count / 4, `only ${refused} of ${count} were refused: the damage does nothing`);
    });
  }
});

/** An error that was made for a reader: not one that some code fell over. */
function assertClear(error: unknown, label: string): void {
  assert.ok(error instanceof Error, label);
  const fell = ["TypeError", "RangeError", "SyntaxError", "ReferenceError"].includes(error.name);
  assert.ok(!fell, `${label}: ${error.stack}`);
  assert.match(error.message, /damaged-|model "/, `${label}: names no file: ${error.message}`);
  assert.ok(error.message.length < 10_000, `${label}: ${error.message.length} characters`);
}

/** The paths that are opened meanwhile. */
async function whileWatching(work: () => Promise<void>): Promise<string[]> {
  const opened: string[] = [];
  const { openSync } = fs;
  const { readFile } = fs.promises;
  fs.openSync = (path, ...rest) => {
    opened.push(String(path));
    return openSync(path, ...rest);
  };
  fs.promises.readFile = ((path: string, ...rest: []) => {
    opened.push(String(path));
    return readFile(path, ...rest);
  }) as typeof readFile;
  syncBuiltinESMExports();
  try {
    await work();
  } finally {
    fs.openSync = openSync;
    fs.promises.readFile = readFile;
    syncBuiltinESMExports();
  }
  return opened;
}
