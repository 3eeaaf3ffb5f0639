import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inFolder } from "../inFolder.ts";

const script = join(import.meta.dirname, "..", "..", "scripts", "start.mjs");

describe("npm start", () => {
  /** A package with the script, and stand-ins for what it calls. */
  function packageIn(dir: string): void {
    mkdirSync(join(dir, "scripts"));
    copyFileSync(script, join(dir, "scripts", "start.mjs"));
    writeFileSync(join(dir, "scripts", "build-native.mjs"), 'console.log("native built");');
    const demo = "console.log(JSON.stringify(process.argv.slice(2)))";
    writeFileSync(
      join(dir, "npm.mjs"),
      `import { mkdirSync, writeFileSync } from "node:fs";
      console.log("npm", ...process.argv.slice(2));
      mkdirSync("dist/sdk/cli", { recursive: true });
      writeFileSync("dist/sdk/cli/main.js", ${JSON.stringify(demo)});`,
    );
  }
  const start = (dir: string, npm: string | undefined, ...words: string[]) =>
    spawnSync(process.execPath, [join(dir, "scripts", "start.mjs"), ...words], {
      encoding: "utf8",
      env: { ...process.env, npm_execpath: npm },
    });

  it("builds what an install without scripts has left out, once, and keeps stdout for the demo", async () => {
    await inFolder(async (dir) => {
      packageIn(dir);
      const first = start(dir, join(dir, "npm.mjs"), "--json", "--output-dir", "où ?");
      assert.equal(first.stdout, '["demo","--json","--output-dir","où ?"]\n');
      assert.equal(
        first.stderr,
        "npm start: the install ran no scripts; building what they would have\nnative built\nnpm run build\n",
      );
      const second = start(dir, join(dir, "npm.mjs"));
      assert.deepEqual([second.stdout, second.stderr, second.status], ['["demo"]\n', "", 0]);
    });
  });

  it("says what failed", async () => {
    await inFolder(async (dir) => {
      packageIn(dir);
      assert.match(start(dir, undefined).stderr, /npm start: dist\/ is missing\. Run npm run build first/);
      writeFileSync(join(dir, "scripts", "build-native.mjs"), "process.exit(3);");
      const { stderr, status } = start(dir, join(dir, "npm.mjs"));
      assert.match(stderr, /npm start: node scripts\/build-native\.mjs failed; run npm ci again/);
      assert.equal(status, 1);
    });
  });
});
