import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { ADDON_ENTRIES, type Addon } from "./addon.ts";
import { packageRoot } from "./packageRoot.ts";

let loaded: { addon?: Addon; problem?: string } | undefined;

/**
 * The native addon, or undefined where it was not built or cannot be loaded; `addonProblem()` then says why.
 * `MISTRAL_LAB_SKIP_NATIVE=1` leaves it out on purpose.
 */
export function loadAddon(): Addon | undefined {
  loaded ??= tryLoad();
  return loaded.addon;
}

/** Why `loadAddon()` returned undefined, with the next step; undefined when the addon is there. */
export function addonProblem(): string | undefined {
  loaded ??= tryLoad();
  return loaded.problem;
}

/** Where the build puts the addon; `MISTRAL_LAB_ADDON` names another file (the test build with emulated tiles). */
export function addonPath(): string {
  return process.env.MISTRAL_LAB_ADDON || join(packageRoot(), "build", "native", "mistral-lab.node");
}

/** Why the instruction set that `MISTRAL_LAB_ISA` asks for cannot be had; undefined where it asks for none. */
export function isaProblem(availableIsas: string[]): string | undefined {
  const isa = process.env.MISTRAL_LAB_ISA;
  if (!isa || availableIsas.includes(isa)) return undefined;
  return `MISTRAL_LAB_ISA="${isa}": expected one of ${availableIsas.join(", ")}, which this processor has: choose one, or unset it`;
}

function tryLoad(): { addon?: Addon; problem?: string } {
  if (process.env.MISTRAL_LAB_SKIP_NATIVE) return { problem: "MISTRAL_LAB_SKIP_NATIVE is set" };
  const path = addonPath();
  if (!existsSync(path)) {
    return {
      problem: `${path} is not there: install g++ or clang++ and run \`npm rebuild\` in the package folder`,
    };
  }
  try {
    const addon = createRequire(import.meta.url)(path) as Addon;
    // After a `git pull` the sources are newer than what was built of them.
    const missing = Object.keys(ADDON_ENTRIES).filter((name) => !(name in addon));
    if (missing.length === 0) {
      const problem = isaProblem(addon.info().availableIsas);
      return problem ? { problem } : { addon };
    }
    return {
      problem: `${path} was built from older sources (it lacks ${missing.join(", ")}): run \`npm rebuild\``,
    };
  } catch (error) {
    return { problem: `${path} cannot be loaded (${(error as Error).message}): run \`npm rebuild\`` };
  }
}
