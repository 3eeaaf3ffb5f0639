/**
 * The kernel beside plain tslab, interleaved in one run: from the start of the process to the first reply and to the
 * first cell's, then a trivial cell when warm. Both through the same client; results are checked before they count.
 *
 * Run it with `npx tsx bench/kernel.ts [starts] [cells]` after `npm run build`.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { KernelClient } from "../kernel-ext/client.ts";
import { packageRoot } from "../sdk/backend/packageRoot.ts";
import { median } from "./median.ts";

const require = createRequire(import.meta.url);
const [starts = 7, cells = 100] = process.argv.slice(2).map(Number);

const KERNELS = {
  "mistral-lab": [process.execPath, join(packageRoot(), "dist/kernel-ext/main.js")],
  tslab: [
    process.execPath,
    join(dirname(require.resolve("tslab/package.json")), "bin/tslab"),
    "kernel",
    "--config-path",
  ],
};

type Name = keyof typeof KERNELS;

interface Times {
  /** Start of the process to the first kernel_info_reply, milliseconds. */
  reply: number[];
  /** Start of the process to the first cell's result. */
  first: number[];
  /** A trivial cell, from the request to its idle. */
  cell: number[];
}

function shows(output: { header: { msg_type: string }; content: Record<string, unknown> }[]): boolean {
  return output.some(({ header, content }) =>
    header.msg_type === "stream"
      ? String(content.text).trim() === "2"
      : (content.data as Record<string, unknown> | undefined)?.["text/plain"] === "2",
  );
}

async function trivial(client: KernelClient, name: Name): Promise<number> {
  const begun = performance.now();
  const { output } = await client.execute("1+1");
  const time = performance.now() - begun;
  if (!shows(output)) throw new Error(`${name}: 1+1 did not show 2`);
  return time;
}

const times: Record<Name, Times> = {
  "mistral-lab": { reply: [], first: [], cell: [] },
  tslab: { reply: [], first: [], cell: [] },
};
for (let round = 0; round < starts; round++) {
  const clients: [Name, KernelClient][] = [];
  for (const name of Object.keys(KERNELS) as Name[]) {
    const begun = performance.now();
    const client = await KernelClient.start({ command: KERNELS[name] });
    times[name].reply.push(performance.now() - begun);
    await trivial(client, name);
    times[name].first.push(performance.now() - begun);
    clients.push([name, client]);
  }
  for (let cell = 0; cell < cells; cell++)
    for (const [name, client] of clients) {
      const time = await trivial(client, name);
      // The first ones are compiled while they run.
      if (cell >= cells / 2) times[name].cell.push(time);
    }
  for (const [, client] of clients) await client.shutdown();
}

console.log(`Node ${process.version}, ${starts} starts, ${cells / 2} warm cells each; medians in ms`);
for (const key of ["reply", "first", "cell"] as const) {
  const [own, plain] = [median(times["mistral-lab"][key]), median(times.tslab[key])];
  const label = { reply: "start to first reply", first: "start to first result", cell: "trivial cell" }[key];
  console.log(
    `${label.padEnd(22)} mistral-lab ${own.toFixed(1).padStart(7)}   tslab ${plain.toFixed(1).padStart(7)}   ratio ${(own / plain).toFixed(2)}`,
  );
}
