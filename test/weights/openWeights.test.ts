import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashWeights, openWeights } from "../../sdk/weights/openWeights.ts";
import { writeSafetensors } from "../../sdk/weights/safetensors.ts";

describe("openWeights", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "weights-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  function shard(file: string, ...names: string[]): void {
    const tensors = names.map((name) => {
      const data = Uint8Array.from(Buffer.from(name));
      return [name, { dtype: "U8", shape: [data.length], data }] as const;
    });
    writeSafetensors(join(dir, file), new Map(tensors));
  }
  function index(map: unknown): void {
    writeFileSync(join(dir, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
  }

  it("opens a single file", () => {
    shard("model.safetensors", "a", "b");
    const weights = openWeights(dir);
    assert.deepEqual([...weights.tensors.keys()], ["a", "b"]);
    assert.deepEqual(weights.read("b").data, Uint8Array.of(98));
    weights.close();
  });

  it("opens shards by their index and reads each tensor from its own", () => {
    shard("one.safetensors", "a", "unlisted");
    shard("two.safetensors", "b", "c");
    index({ a: "one.safetensors", b: "two.safetensors", c: "two.safetensors" });
    const weights = openWeights(dir);
    assert.deepEqual([...weights.tensors.keys()].sort(), ["a", "b", "c"]);
    assert.deepEqual(weights.read("c").data, Uint8Array.of(99));
    assert.equal(weights.tensors.get("b")?.byteLength, 1);
    assert.throws(() => weights.read("d"), /no tensor "d" among its 3/);
    weights.close();
    assert.throws(() => weights.read("a"), /after close/);
  });

  it("hashes the files in the order of their names", () => {
    shard("one.safetensors", "a");
    shard("two.safetensors", "b");
    index({ b: "two.safetensors", a: "one.safetensors" });
    const expected = createHash("sha256")
      .update(readFileSync(join(dir, "one.safetensors")))
      .update(readFileSync(join(dir, "two.safetensors")))
      .digest("hex");
    assert.equal(hashWeights(dir), expected);
  });

  it("says what is there when there are no weights", () => {
    writeFileSync(join(dir, "config.json"), "{}");
    assert.throws(
      () => openWeights(dir),
      /expected model\.safetensors or model\.safetensors\.index\.json, but it has config\.json: download the model/,
    );
    symlinkSync(join(dir, "gone"), join(dir, "model.safetensors"));
    assert.throws(
      () => openWeights(dir),
      /config\.json, model\.safetensors \(a link to a file that is gone\): download/,
    );
    assert.throws(() => openWeights(join(dir, "no")), /but it does not exist/);
  });

  for (const name of ["../evil.safetensors", "/etc/passwd", "sub/x.safetensors", "..", ".", "", "a\\b", 7]) {
    it(`refuses an index that names ${JSON.stringify(name)}`, () => {
      index({ a: name });
      assert.throws(() => openWeights(dir), /tensor "a": expected the name of a file in this folder, got/);
    });
  }

  it("names every missing shard", () => {
    index({ a: "one.safetensors", b: "two.safetensors" });
    assert.throws(
      () => openWeights(dir),
      /shard one\.safetensors is missing: .*; shard two\.safetensors is missing/,
    );
  });

  it("names the tensors that a shard lacks", () => {
    shard("one.safetensors", "a");
    index({ a: "one.safetensors", b: "one.safetensors" });
    assert.throws(() => openWeights(dir), /shard one\.safetensors has no tensor "b", where .* places it/);
  });

  it("refuses an index that is none", () => {
    writeFileSync(join(dir, "model.safetensors.index.json"), "{oops");
    assert.throws(() => openWeights(dir), /index\.json: expected JSON, got/);
    index([]);
    assert.throws(() => openWeights(dir), /expected "weight_map", an object of tensor to file, got \[\]/);
  });
});
