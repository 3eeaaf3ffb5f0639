import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of this package: the same from the sources and from `dist`. */
export function packageRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const file = join(dir, "package.json");
    if (existsSync(file) && JSON.parse(readFileSync(file, "utf8")).name === "mistral-lab") return dir;
    const parent = dirname(dir);
    if (parent === dir)
      throw new Error(`mistral-lab: no package.json of mistral-lab above ${import.meta.url}`);
    dir = parent;
  }
}
