import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { makeFolder, readable, writeWhole } from "../sdk/files.ts";
import { inFolder } from "./inFolder.ts";

describe("makeFolder", () => {
  it("makes a folder with those above it, and leaves one that is there alone", () =>
    inFolder(async (dir) => {
      const deep = join(dir, "a", "b", "c");
      makeFolder(deep);
      writeFileSync(join(deep, "mine"), "1");
      makeFolder(deep);
      makeFolder(`${deep}/`);
      assert.deepEqual(readdirSync(deep), ["mine"]);
      const before = process.cwd();
      process.chdir(dir);
      try {
        makeFolder("relative");
        makeFolder(".");
      } finally {
        process.chdir(before);
      }
      assert.ok(statSync(join(dir, "relative")).isDirectory());
    }));

  it("names the path and the reason where a file is in the way", () =>
    inFolder(async (dir) => {
      const file = join(dir, "file");
      writeFileSync(file, "");
      for (const path of [file, join(file, "below")]) {
        assert.throws(
          () => makeFolder(path),
          ({ message }: Error) =>
            message.startsWith(`${path}: the folder cannot be made (`) &&
            message.endsWith("); choose another one"),
        );
      }
    }));

  it("comes back where the file system says that nothing is there", function () {
    if (!existsSync("/proc/self")) this.skip(); // Linux' own file system, in which nothing can be made
    // In a process of its own: what is tested for is a loop that never ends.
    const url = pathToFileURL(join(import.meta.dirname, "..", "sdk", "files.ts")).href;
    const script = `import { makeFolder } from ${JSON.stringify(url)}; makeFolder("/proc/none/such");`;
    const { status, stderr } = spawnSync(
      process.execPath,
      ["--import", "tsx", "--input-type=module", "-e", script],
      {
        timeout: 20_000,
        encoding: "utf8",
      },
    );
    assert.equal(status, 1);
    assert.match(
      stderr,
      /\/proc\/none\/such: the folder cannot be made \(ENOENT.*'\/proc\/none'\); choose another one/,
    );
  });
});

describe("readable", () => {
  it("names the path where the system refuses, and lets other errors be", () => {
    const path = join(import.meta.dirname, "none");
    assert.equal(
      readable(path, () => 7),
      7,
    );
    assert.throws(() => readable(path, () => readFileSync(path)), {
      message: `${path}: cannot be read (ENOENT: no such file or directory, open '${path}'); check that it is there and that you may read it`,
    });
    assert.throws(
      () =>
        readable(path, () => {
          throw new Error("mine");
        }),
      { message: "mine" },
    );
  });
});

describe("writeWhole", () => {
  it("replaces a file as a whole, and leaves nothing beside it where it cannot", () =>
    inFolder(async (dir) => {
      const file = join(dir, "text");
      writeWhole(file, "one");
      writeWhole(file, new Uint8Array([100, 101, 117, 120]));
      assert.equal(readFileSync(file, "utf8"), "deux");
      // A folder in the way: the renaming fails, after everything was written.
      mkdirSync(join(dir, "folder", "full"), { recursive: true });
      assert.throws(() => writeWhole(join(dir, "folder"), "x"), /folder: could not be written \(/);
      assert.deepEqual(readdirSync(dir).sort(), ["folder", "text"]);
    }));
});
