/**
 * The kernelspec: a folder that tells Jupyter how to start the kernel. Written without Python, into the places where
 * Jupyter looks.
 */
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { packageRoot } from "../sdk/backend/packageRoot.ts";
import { makeFolder } from "../sdk/files.ts";

export const KERNEL_NAME = "mistral-lab";
export const DISPLAY_NAME = "Mistral Lab (TypeScript)";

export interface SpecPlace {
  /** The kernel's name in Jupyter, and its folder's. Letters, digits, ".", "_" and "-". Default: mistral-lab */
  name?: string;
  /** Install for the current user; the default. */
  user?: boolean;
  /** Install below PREFIX/share/jupyter/kernels, such as /usr/local. */
  prefix?: string;
  /** Install into the active virtualenv or conda environment. */
  sysPrefix?: boolean;
}

export interface SpecOptions extends SpecPlace {
  /** What front ends call it. Default: Mistral Lab (TypeScript) */
  displayName?: string;
}

/** The user's folder of Jupyter, on each system as Jupyter has it. */
function userDataDir(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string {
  if (env.JUPYTER_DATA_DIR) return env.JUPYTER_DATA_DIR;
  if (platform === "darwin") return join(homedir(), "Library/Jupyter");
  if (platform === "win32") return join(env.APPDATA ?? join(homedir(), "AppData/Roaming"), "jupyter");
  return join(env.XDG_DATA_HOME ?? join(homedir(), ".local/share"), "jupyter");
}

/** @throws for a wrong name, for two places at once, and where there is no environment */
export function specFolder(
  { name = KERNEL_NAME, user, prefix, sysPrefix }: SpecPlace,
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  if (!/^[A-Za-z0-9._-]+$/.test(name))
    throw new Error(
      `name: "${name}" cannot name a kernel: expected letters, digits, ".", "_" and "-". Try --name ${KERNEL_NAME}.`,
    );
  if ([user, prefix !== undefined, sysPrefix].filter(Boolean).length > 1)
    throw new Error(
      'option "user", option "prefix" and option "sysPrefix" are three places: give one of them.',
    );
  const folder = name.toLowerCase();
  if (prefix !== undefined) return join(resolve(prefix), "share/jupyter/kernels", folder);
  if (sysPrefix) {
    const root = env.VIRTUAL_ENV ?? env.CONDA_PREFIX;
    if (!root)
      throw new Error(
        "sysPrefix: no environment is active (VIRTUAL_ENV and CONDA_PREFIX are not set): activate one, or name its folder with --prefix.",
      );
    return join(root, "share/jupyter/kernels", folder);
  }
  return join(userDataDir(env, platform), "kernels", folder);
}

/** What Jupyter reads. */
export function kernelSpec(displayName = DISPLAY_NAME): object {
  return {
    argv: [process.execPath, join(packageRoot(), "dist/kernel-ext/main.js"), "{connection_file}"],
    display_name: displayName,
    language: "typescript",
    interrupt_mode: "message",
    metadata: { debugger: false },
  };
}

export interface Installed {
  folder: string;
  /** "same": the very same spec was there already. */
  before: "nothing" | "same" | "another";
}

/** Installs the kernelspec; again is no error, and is told. */
export function installSpec(options: SpecOptions): Installed {
  const folder = specFolder(options);
  const spec = `${JSON.stringify(kernelSpec(options.displayName), null, 2)}\n`;
  const main = join(packageRoot(), "dist/kernel-ext/main.js");
  if (!existsSync(main))
    throw new Error(`The kernel is not built: ${main} is not there. Run npm run build in ${packageRoot()}.`);
  const file = join(folder, "kernel.json");
  refuseForeign(file);
  const before = !existsSync(file) ? "nothing" : readFileSync(file, "utf8") === spec ? "same" : "another";
  makeFolder(folder);
  cpSync(join(packageRoot(), "kernel-ext/logo.svg"), join(folder, "logo-svg.svg"));
  writeFileSync(file, spec);
  return { folder, before };
}

/** @returns the folder that was removed; undefined where there was none */
export function uninstallSpec(place: SpecPlace): string | undefined {
  const folder = specFolder(place);
  const file = join(folder, "kernel.json");
  if (!existsSync(file)) return undefined;
  refuseForeign(file);
  rmSync(folder, { recursive: true });
  return folder;
}

/** Another kernel may have the name. */
function refuseForeign(file: string): void {
  if (!existsSync(file)) return;
  const { argv } = JSON.parse(readFileSync(file, "utf8")) as { argv?: string[] };
  if (!argv?.some((word) => word.includes("kernel-ext")))
    throw new Error(
      `${file} starts another program (${argv?.join(" ")}): it is left alone. Remove the folder by hand, or choose another --name.`,
    );
}
