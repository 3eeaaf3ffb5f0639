// `npm start`: the demo. Where npm was told to run no scripts at install (`ignore-scripts`), what those make is made
// first. All of it goes to stderr: with --json, stdout is for JSON lines.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const main = join(root, "dist", "sdk", "cli", "main.js");

/** @throws when the script fails */
function run(...words) {
  const { status, error } = spawnSync(process.execPath, words, { cwd: root, stdio: ["ignore", 2, 2] });
  if (error) throw error;
  if (status !== 0) throw new Error(`npm start: node ${words.join(" ")} failed; run npm ci again`);
}

if (!existsSync(main)) {
  console.error("npm start: the install ran no scripts; building what they would have");
  run(join("scripts", "build-native.mjs"));
  // npm names itself to the scripts that it runs.
  const npm = process.env.npm_execpath;
  if (!npm) throw new Error("npm start: dist/ is missing. Run npm run build first");
  run(npm, "run", "build");
}

process.argv.splice(1, 1, main, "demo");
await import(pathToFileURL(main).href);
