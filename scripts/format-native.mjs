// clang-format over native/: writes, or with --check only says which files differ (exit code 1).
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const files = ["native", "native/cpu", "native/addon", "native/cuda", "test/gpu", "test/native"].flatMap(
  (dir) =>
    readdirSync(join(root, dir))
      .filter((file) => /\.(cpp|h|cu|cuh)$/.test(file))
      .map((file) => join(dir, file)),
);
const mode = process.argv.includes("--check") ? ["--dry-run", "--Werror"] : ["-i"];
const tool = join(root, "node_modules", ".bin", "clang-format");
const { status } = spawnSync(tool, [...mode, ...files], { cwd: root, stdio: "inherit" });
process.exitCode = status ?? 1;
