import assert from "node:assert/strict";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tokenizerOfGguf } from "../../sdk/text/ggufTokenizer.ts";
import { type GgufValue, readGgufHeader } from "../../sdk/weights/gguf/header.ts";
import { ggufName, nameOfGguf, reorderRows } from "../../sdk/weights/gguf/names.ts";
import { ggufParts } from "../../sdk/weights/gguf/parts.ts";
import { GgufFile } from "../../sdk/weights/gguf/source.ts";
import { encodeGguf } from "../../sdk/weights/gguf/types.ts";
import { type GgufField, type GgufTensorToWrite, writeGguf } from "../../sdk/weights/gguf/write.ts";
import { resolveModelPath } from "../../sdk/weights/modelPath.ts";
import { hashWeights } from "../../sdk/weights/openWeights.ts";
import { inFolder } from "../inFolder.ts";

const fields = new Map<string, GgufField>([
  ["general.architecture", { type: "string", value: "llama" }],
  ["n", { type: "uint32", value: 4_000_000_000 }],
  ["minus", { type: "int32", value: -5 }],
  ["share", { type: "float32", value: 0.25 }],
  ["yes", { type: "bool", value: true }],
  ["texts", { type: "strings", value: ["é", "", "▁a"] }],
  ["kinds", { type: "int32s", value: [1, -2] }],
  ["scores", { type: "float32s", value: [-1.5, 0] }],
]);
const plain = new Map<string, GgufValue>([...fields].map(([key, { value }]) => [key, value as GgufValue]));

function tensor(type: "F32" | "Q8_0", shape: number[]): GgufTensorToWrite {
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => i - 7);
  return { type, shape, data: () => encodeGguf(type, values, "test") };
}
const tensors = new Map([
  ["output_norm.weight", tensor("F32", [5])],
  ["token_embd.weight", tensor("Q8_0", [3, 32])],
]);

describe("GGUF files", () => {
  it("gives back metadata and tensors as they were written", () =>
    inFolder(async (dir) => {
      const path = join(dir, "x.gguf");
      writeGguf(path, fields, tensors);
      const { metadata } = readGgufHeader(path);
      assert.deepEqual(new Map(metadata), plain);
      const file = new GgufFile(path);
      const norm = file.read("model.norm.weight");
      assert.deepEqual([...(norm.data as Float32Array)], [-7, -6, -5, -4, -3]);
      const embedding = file.read("model.embed_tokens.weight");
      assert.deepEqual([embedding.dtype, embedding.shape], ["BF16", [3, 32]]);
      assert.equal(file.typeOf("model.embed_tokens.weight"), "Q8_0");
      file.close();
      assert.throws(() => file.read("model.norm.weight"), /x\.gguf: read after close\(\)/);
    }));

  /** A file with some of its bytes changed, and what is said about it. */
  const damaged: [string, (path: string, bytes: Buffer) => void, RegExp][] = [
    [
      "no GGUF file",
      (path, bytes) => writeFileSync(path, bytes.fill("x", 0, 4)),
      /expected a GGUF file, which begins with "GGUF"/,
    ],
    ["a short file", (path) => truncateSync(path, 20), /expected a GGUF file, got only 20 bytes/],
    [
      "version 1",
      (path, bytes) => edit(path, bytes, 4, 1),
      /expected GGUF version 2 or 3 \(little-endian\), got 1/,
    ],
    [
      "too many tensors",
      (path, bytes) => edit(path, bytes, 8, 2 ** 30),
      /claims 8 keys and 1073741824 tensors at byte 24/,
    ],
    [
      "a long key",
      (path, bytes) => edit(path, bytes, 24, 2 ** 31),
      /claims a text of 2147483648 bytes at byte 32/,
    ],
    [
      "a number beyond all files",
      (path, bytes) => edit(path, bytes, 28, 2 ** 31),
      /the header has the number \d+ before byte 32/,
    ],
    [
      "a file that was cut short",
      (path, bytes) => truncateSync(path, bytes.length - 60),
      /tensor "token_embd\.weight" ends at byte \d+, the file has \d+/,
    ],
    ["a value of no type", (path, bytes) => edit(path, bytes, 52, 99), /metadata of the unknown type 99/],
  ];
  for (const [what, damage, message] of damaged) {
    it(`refuses ${what}`, () =>
      inFolder(async (dir) => {
        const path = join(dir, "x.gguf");
        writeGguf(path, fields, tensors);
        damage(path, readFileSync(path));
        assert.throws(() => new GgufFile(path), message);
      }));
  }

  describe("in parts", () => {
    const part = (i: number, count = 2): Map<string, GgufField> =>
      new Map([
        ...(i === 0 ? fields : []),
        ["split.no", { type: "uint32", value: i }],
        ["split.count", { type: "uint32", value: count }],
      ]);
    const [norm, embedding] = [...tensors].map((entry) => new Map([entry]));
    const name = (i: number) => `model-0000${i}-of-00002.gguf`;

    it("are one model, whichever part is named, and a folder of them is it too", () =>
      inFolder(async (dir) => {
        const paths = [join(dir, name(1)), join(dir, name(2))];
        writeGguf(paths[0], part(0), norm);
        writeGguf(paths[1], part(1), embedding);
        for (const path of paths) {
          const file = new GgufFile(path);
          assert.equal(file.metadata.get("general.architecture"), "llama");
          assert.deepEqual([...file.tensors.keys()].sort(), [
            "model.embed_tokens.weight",
            "model.norm.weight",
          ]);
          assert.deepEqual([...(file.read("model.norm.weight").data as Float32Array)], [-7, -6, -5, -4, -3]);
          assert.deepEqual(file.read("model.embed_tokens.weight").shape, [3, 32]);
          file.close();
        }
        assert.deepEqual(ggufParts(paths[1]), paths);
        assert.equal(resolveModelPath(dir), paths[0]);
        assert.equal(hashWeights(paths[0]), hashWeights(paths[1]));
      }));

    it("say which is missing, of another model, or under another name", () =>
      inFolder(async (dir) => {
        const [first, second] = [join(dir, name(1)), join(dir, name(2))];
        writeGguf(first, part(0), norm);
        assert.throws(
          () => new GgufFile(first),
          /is one of 2 parts of a model, of which model-00002-of-00002\.gguf is missing: put all into one folder$/,
        );
        writeGguf(second, part(1), norm);
        assert.throws(
          () => new GgufFile(first),
          /model-00002-of-00002\.gguf: the tensor "output_norm\.weight" is in model-00001-of-00002\.gguf too: the parts are of different models/,
        );
        writeGguf(second, part(2, 3), embedding);
        assert.throws(
          () => new GgufFile(second),
          /model-00002-of-00002\.gguf: expected part 2 of 2, as its name says, got part 3 of 3: give it the name that it had, or join the parts/,
        );
        const alone = join(dir, "x.gguf");
        writeGguf(alone, part(0), norm);
        assert.throws(
          () => new GgufFile(alone),
          /x\.gguf: expected part 1 of 1, as its name says, got part 1 of 2/,
        );
      }));

    it("are looked for beside the named one only, and not by thousands", () => {
      assert.deepEqual(ggufParts("a/x-00001-of-00002.gguf"), [
        "a/x-00001-of-00002.gguf",
        "a/x-00002-of-00002.gguf",
      ]);
      for (const odd of ["x.gguf", "x-00000-of-00002.gguf", "x-00003-of-00002.gguf", "x-00001-of-99999.gguf"])
        assert.deepEqual(ggufParts(odd), [odd]);
    });
  });

  it("refuses other models' tensors, types that it cannot read", () =>
    inFolder(async (dir) => {
      const path = join(dir, "x.gguf");
      writeGguf(path, fields, new Map([["blk.0.attn_q.bias", tensor("F32", [4])]]));
      assert.throws(
        () => new GgufFile(path),
        /has tensors that models of the Mistral family have not: blk\.0\.attn_q\.bias/,
      );
      writeGguf(path, fields, tensors);
      const bytes = readFileSync(path);
      const at = bytes.indexOf("token_embd.weight") + 17 + 4 + 16;
      edit(path, bytes, at, 3);
      assert.throws(
        () => new GgufFile(path),
        /tensor "token_embd\.weight": unsupported type 3.*Readable are F32, F16/,
      );
      edit(path, bytes, at, 12);
      assert.throws(
        () => new GgufFile(path),
        /tensor "token_embd\.weight": Q4_K cannot hold the shape \[3,32\]/,
      );
      edit(path, bytes, at, 8);
      edit(path, bytes, at + 4, 8);
      assert.throws(
        () => new GgufFile(path),
        /offset 8 is not aligned to 32; tensor "token_embd\.weight" overlaps "output_norm\.weight"/,
      );
    }));

  it("refuses to write what does not fit", () =>
    inFolder(async (dir) => {
      const path = join(dir, "x.gguf");
      const data = () => new Uint8Array(3);
      assert.throws(
        () => writeGguf(path, fields, new Map([["a", { type: "F32", shape: [1], data }]])),
        /tensor "a": F32 \[1\] needs 4 bytes, got 3/,
      );
      assert.throws(
        () => writeGguf(path, fields, new Map([["a", { type: "Q8_0", shape: [2, 31], data }]])),
        /Q8_0 holds whole blocks in a row, which rows of 31 values are not: choose f16/,
      );
      for (const value of [Number.NaN, 1e6]) {
        assert.throws(
          () => encodeGguf("F16", Float32Array.of(value), "t"),
          /t: the value (NaN|1000000) does not fit F16/,
        );
      }
    }));

  it("names tensors both ways", () => {
    const names = ["model.embed_tokens.weight", "lm_head.weight", "model.layers.12.self_attn.o_proj.weight"];
    assert.deepEqual(names.map(ggufName), [
      "token_embd.weight",
      "output.weight",
      "blk.12.attn_output.weight",
    ]);
    for (const name of names) assert.equal(nameOfGguf(ggufName(name)), name);
    assert.equal(nameOfGguf("blk.0.token_embd.weight"), undefined);
    assert.throws(() => ggufName("model.layers.0.self_attn.q_proj.bias"), /GGUF has no name for the tensor/);
  });

  it("orders the rows of heads", () => {
    const rows = Uint8Array.of(0, 1, 2, 3, 10, 11, 12, 13);
    const moved = reorderRows(rows, 8, 2, "gguf");
    assert.deepEqual([...moved], [0, 2, 1, 3, 10, 12, 11, 13]);
    assert.deepEqual(reorderRows(moved, 8, 2, "hf"), rows);
  });
});

describe("tokenizerOfGguf", () => {
  const base = new Map<string, unknown>([
    ["tokenizer.ggml.model", "gpt2"],
    ["tokenizer.ggml.tokens", ["a", "b", "ab", "</s>"]],
    ["tokenizer.ggml.token_type", [1, 1, 1, 3]],
    ["tokenizer.ggml.merges", ["a b"]],
    ["tokenizer.ggml.eos_token_id", 3],
  ]);
  const refused: [string, string, unknown, RegExp][] = [
    ["another kind", "model", "bert", /x\.gguf: its tokenizer cannot be used: tokenizer\.ggml\.model: /],
    [
      "another way to cut text",
      "pre",
      "qwen2",
      /pre: expected one of tekken, llama-bpe, gpt-2, smollm, got "qwen2"/,
    ],
    ["a merge of three", "merges", ["a b c"], /merges: expected two words and a space between, got "a b c"/],
    ["a token twice", "tokens", ["a", "a", "b", "</s>"], /the token "a" stands twice in the vocabulary/],
    ["kinds for other tokens", "token_type", [1], /token_type: expected 4 values, one a token, got 1/],
    ["an end outside", "eos_token_id", 9, /eos_token_id: expected an id below 4, got 9/],
    ["no end", "eos_token_id", undefined, /tokenizer\.ggml\.eos_token_id: /],
  ];
  for (const [what, key, value, message] of refused) {
    it(`refuses ${what}`, () => {
      const metadata = new Map(base).set(`tokenizer.ggml.${key}`, value);
      assert.throws(() => tokenizerOfGguf(metadata, "x.gguf"), message);
    });
  }

  it("prefers Hugging Face's file where the metadata carry it", () => {
    const json = tokenizerOfGguf(base, "x.gguf").json;
    const whole = { ...json, added_tokens: [{ id: 3, content: "</s>", special: true }] };
    const metadata = new Map(base).set("tokenizer.huggingface.json", JSON.stringify(whole));
    assert.equal(
      tokenizerOfGguf(metadata.set("tokenizer.ggml.pre", "other"), "x").json.added_tokens.length,
      1,
    );
    metadata.set("tokenizer.huggingface.json", "{");
    assert.throws(
      () => tokenizerOfGguf(metadata, "x"),
      /x: tokenizer\.huggingface\.json: expected JSON, got /,
    );
  });
});

function edit(path: string, bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32LE(value, at);
  writeFileSync(path, bytes);
}
