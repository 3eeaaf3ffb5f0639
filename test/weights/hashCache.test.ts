import assert from "node:assert/strict";
import { readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rememberedHash } from "../../sdk/weights/hashCache.ts";
import { inFolder } from "../inFolder.ts";

const [A, B] = ["a".repeat(64), "b".repeat(64)];

describe("remembered checksums", () => {
  it("are made once, and again when a file has changed; those of small files are not kept", () =>
    inFolder(async (dir) => {
      const [one, two, file] = ["one", "two", "deep/er/hashes.json"].map((name) => join(dir, name));
      writeFileSync(one, "12345678");
      writeFileSync(two, "1234");
      let made = 0;
      const hash = (files: string[], value: string, from = 12) =>
        rememberedHash(
          files,
          () => {
            made++;
            return value;
          },
          { file, from },
        );
      assert.deepEqual([hash([one, two], A), hash([one, two], B), made], [A, A, 1]);
      // The same length, another time.
      utimesSync(two, 1, 1);
      assert.deepEqual([hash([one, two], B), hash([one, two], A), made], [B, B, 2]);
      assert.deepEqual([hash([one], A), hash([one], B), made], [A, B, 4]);
      assert.equal(Object.keys(JSON.parse(readFileSync(file, "utf8"))).length, 2);
    }));

  it("survive a damaged cache, and a cache that cannot be written", () =>
    inFolder(async (dir) => {
      const [one, file] = [join(dir, "one"), join(dir, "hashes.json")];
      writeFileSync(one, "12345678");
      for (const damaged of ["{", "[]", '{"x":1}', "null"]) {
        writeFileSync(file, damaged);
        assert.equal(
          rememberedHash([one], () => A, { file, from: 1 }),
          A,
          damaged,
        );
        assert.equal(
          rememberedHash([one], () => B, { file, from: 1 }),
          A,
          damaged,
        );
      }
      // A file where a folder would have to be.
      const blocked = { file: join(one, "hashes.json"), from: 1 };
      assert.deepEqual(
        [rememberedHash([one], () => A, blocked), rememberedHash([one], () => B, blocked)],
        [A, B],
      );
    }));

  it("keeps a hundred, the newest", () =>
    inFolder(async (dir) => {
      const [one, file] = [join(dir, "one"), join(dir, "hashes.json")];
      for (let i = 0; i < 102; i++) {
        writeFileSync(one, "x".repeat(i + 1));
        rememberedHash([one], () => A, { file, from: 1 });
      }
      const sizes = Object.keys(JSON.parse(readFileSync(file, "utf8"))).map((stamp) =>
        Number(stamp.split(":")[2]),
      );
      assert.deepEqual([sizes.length, sizes[0], sizes[99]], [100, 3, 102]);
    }));
});
