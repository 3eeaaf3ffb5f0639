// Fetches Debian packages without touching the system: apt works on lists and a cache in a folder of ours, so
// neither root rights nor an earlier "apt-get update" are needed. Nothing is installed, packages are unpacked.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";

export class AptFolder {
  private readonly options: string[];

  /** @param folder where lists, packages and unpacked trees are kept; a second run finds them there */
  constructor(readonly folder: string) {
    for (const sub of ["lists/partial", "archives/partial", "debs", "trees"]) {
      mkdirSync(join(folder, sub), { recursive: true });
    }
    this.options = [
      `Dir::State::lists=${join(folder, "lists")}`,
      `Dir::Cache=${folder}`,
      "Acquire::Languages=fr",
      // Some images keep the lists compressed; the descriptions must be readable as they are.
      "Acquire::GzipIndexes=false",
      "APT::Sandbox::User=",
    ].flatMap((option) => ["-o", option]);
  }

  /** Reads the package lists anew and says the version of every package asked for. */
  update(names: string[]): Map<string, string> {
    this.run("apt-get", [...this.options, "-qq", "update"]);
    const versions = new Map<string, string>();
    const shown = this.run("apt-cache", [...this.options, "show", "--no-all-versions", ...names]);
    for (const entry of shown.split("\n\n")) {
      const name = /^Package: (.+)$/m.exec(entry)?.[1];
      const version = /^Version: (.+)$/m.exec(entry)?.[1];
      if (name && version) versions.set(name, version);
    }
    const missing = names.filter((name) => !versions.has(name));
    if (missing.length > 0) {
      throw new Error(
        `${missing.length} packages are not in the package lists: ${missing.join(", ")}.\n` +
          "The corpus was made on Debian 12 (main); add that to the apt sources, or take the packages out of pretrain/sources.json.",
      );
    }
    return versions;
  }

  /** Downloads and unpacks a package; the answer is the folder of its files. */
  unpack(name: string, version: string): string {
    const tree = join(this.folder, "trees", `${name}_${version.replace(/\W/g, "_")}`);
    if (existsSync(tree)) return tree;
    const debs = join(this.folder, "debs");
    const find = () => readdirSync(debs).find((file) => file.startsWith(`${name}_`));
    if (!find()) this.run("apt-get", [...this.options, "-qq", "download", `${name}=${version}`], debs);
    const deb = find();
    if (!deb) throw new Error(`apt-get download ${name}: no file came`);
    this.run("dpkg-deb", ["-x", join(debs, deb), `${tree}.part`]);
    this.run("mv", [`${tree}.part`, tree]);
    return tree;
  }

  /** The folder of the package lists, with the translated descriptions. */
  get lists(): string {
    return join(this.folder, "lists");
  }

  private run(command: string, args: string[], cwd = this.folder): string {
    try {
      return execFileSync(command, args, {
        cwd,
        encoding: "utf8",
        maxBuffer: 1 << 28,
        stdio: ["ignore", "pipe", "pipe"],
      });
    } catch (error) {
      const { code, stderr } = error as { code?: string; stderr?: string };
      if (code === "ENOENT") {
        throw new Error(
          `"${command}" is missing. The prose comes from Debian packages: run this on Debian, or in its container.`,
        );
      }
      throw new Error(
        `${command} ${args.slice(-2).join(" ")} failed. Is the network there?\n${stderr ?? error}`,
      );
    }
  }
}
