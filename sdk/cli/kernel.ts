/** `mistral-lab kernel`: the Jupyter kernel, installed without Python. */
import type { Command } from "commander";
import pc from "picocolors";
import { Output } from "./output.ts";

interface PlaceFlags {
  user?: boolean;
  prefix?: string;
  sysPrefix?: boolean;
  name?: string;
}

function addPlace(command: Command): Command {
  return command
    .option("--user", "for the current user (default)")
    .option("--sys-prefix", "in the active virtualenv or conda environment")
    .option("--prefix <dir>", "below DIR/share/jupyter/kernels, such as /usr/local")
    .option("--name <name>", "the kernel's name in Jupyter (default: mistral-lab)");
}

export function addKernel(program: Command): void {
  const kernel = program
    .command("kernel")
    .summary("install the Jupyter kernel, or remove it")
    .description("The Jupyter kernel: TypeScript notebooks with this package in them. Needs no Python.");
  addPlace(
    kernel
      .command("install")
      .description("Make the kernel known to JupyterLab, Jupyter Notebook and VS Code.")
      .option("--display-name <text>", "what front ends call it (default: Mistral Lab (TypeScript))"),
  ).action((flags: PlaceFlags & { displayName?: string }) => install(flags));
  addPlace(kernel.command("uninstall").description("Remove what install has written.")).action(
    (flags: PlaceFlags) => uninstall(flags),
  );
  kernel
    .command("start")
    .description("Start a kernel for a connection file. Jupyter does this itself.")
    .argument("<connection-file>", "JSON file with ports and key, as Jupyter writes it")
    .action(async (file: string) => {
      const { startKernel } = await import("../../kernel-ext/start.ts");
      await startKernel(file);
    });
}

async function install(flags: PlaceFlags & { displayName?: string }): Promise<void> {
  const { DISPLAY_NAME, installSpec } = await import("../../kernel-ext/kernelspec.ts");
  const { folder, before } = installSpec(flags);
  if (before === "same") new Output().say(`Already installed in ${folder}: nothing has changed.`);
  else if (before === "another") new Output().say(`Replaced another installation in ${folder}.`);
  else new Output().say(`Installed in ${folder}.`);
  new Output().say(`Open a notebook and choose ${pc.bold(flags.displayName ?? DISPLAY_NAME)}.`);
}

async function uninstall(flags: PlaceFlags): Promise<void> {
  const { specFolder, uninstallSpec } = await import("../../kernel-ext/kernelspec.ts");
  const removed = uninstallSpec(flags);
  if (removed) new Output().say(`Removed ${removed}.`);
  else new Output().say(`Nothing to remove: there is no kernel in ${specFolder(flags)}.`);
}
