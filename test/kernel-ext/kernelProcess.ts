/** Real kernels for tests: the built one, built again when its sources are newer. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Answer, type ClientOptions, KernelClient } from "../../kernel-ext/client.ts";
import type { Message } from "../../kernel-ext/messages.ts";
import { packageRoot } from "../../sdk/backend/packageRoot.ts";

export const MAIN = join(packageRoot(), "dist/kernel-ext/main.js");

function newest(folder: string): number {
  let latest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    if (entry.name.endsWith(".ts"))
      latest = Math.max(latest, statSync(join(entry.parentPath, entry.name)).mtimeMs);
  return latest;
}

let checked = false;

/** Threads and processes of the kernel run from `dist`, so that is what the tests run. */
export function ensureBuilt(): void {
  if (checked) return;
  checked = true;
  const sources = Math.max(...["sdk", "kernel-ext"].map((folder) => newest(join(packageRoot(), folder))));
  if (existsSync(MAIN) && statSync(MAIN).mtimeMs >= sources) return;
  execFileSync("npm", ["run", "--silent", "build"], { cwd: packageRoot(), stdio: "inherit" });
}

export function startTestKernel(options: ClientOptions = {}): Promise<KernelClient> {
  ensureBuilt();
  return KernelClient.start({ command: [process.execPath, MAIN], ...options });
}

export function ofType(output: readonly Message[], type: string): Message[] {
  return output.filter(({ header }) => header.msg_type === type);
}

export function types(output: readonly Message[]): string[] {
  return output.map(({ header, content }) =>
    header.msg_type === "status" ? String(content.execution_state) : header.msg_type,
  );
}

/** All text of one stream. */
export function printed(output: readonly Message[], name = "stdout"): string {
  return ofType(output, "stream")
    .filter(({ content }) => content.name === name)
    .map(({ content }) => content.text)
    .join("");
}

/** The text of the last expression; undefined where nothing was shown. */
export function result({ output }: Answer): unknown {
  const [message] = ofType(output, "execute_result");
  return (message?.content.data as Record<string, unknown> | undefined)?.["text/plain"];
}

/** Traceback without colours. */
export function traceback({ reply }: Answer): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
  return (reply.content.traceback as string[]).join("\n").replace(/\u001b\[\d+m/g, "");
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Waits until a condition holds, a minute at most: a loop that outlives its test would keep the whole run alive. */
export async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 60_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within a minute: ${condition}`);
    await sleep(20);
  }
}

/** Processes below `pid`, by Linux' own tables; those that are only waiting to be buried do not count. */
export function descendants(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const [, state, parent] = /\) (\S) (\d+)/.exec(readFileSync(`/proc/${name}/stat`, "utf8"))!;
      if (state !== "Z")
        children.set(Number(parent), [...(children.get(Number(parent)) ?? []), Number(name)]);
    } catch {
      // It has ended meanwhile.
    }
  }
  const all: number[] = [];
  for (const queue = [pid]; queue.length > 0; ) {
    const below = children.get(queue.pop()!) ?? [];
    all.push(...below);
    queue.push(...below);
  }
  return all;
}

export function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
