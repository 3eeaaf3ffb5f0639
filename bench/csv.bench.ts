/**
 * Reading clean CSV: `loadCsv` beside PapaParse, in one process, in turns. `npx tsx bench/csv.bench.ts [rows]`.
 * Both get the bytes of the file and give named columns; the rows are compared before anything is timed.
 */
import assert from "node:assert/strict";
import { cpus } from "node:os";
import Papa from "papaparse";
import { loadCsv } from "../sdk/data/csv.ts";
import { median } from "./median.ts";

const rows = Number(process.argv[2] ?? 400_000);
// A small file takes some ms, which other work on the machine doubles now and then.
const rounds = rows < 100_000 ? 21 : 7;

const question = (i: number) => `What is the status of order number ${i} today?`;
const answer = (i: number) => `Your order ${i} left the warehouse, it will arrive in ${i % 7} days.`;
const files: Record<string, (i: number) => string> = {
  "no quotes": (i) => `${question(i)},${answer(i).replace(",", "")}`,
  "quotes where needed": (i) => `${question(i)},"${answer(i)}"`,
  "all quoted": (i) => `"${question(i)}","${answer(i)}"`,
  "accents, semicolons": (i) => `Où est la commande n° ${i} ?;Elle arrivera dans ${i % 7} jours, à l'étage.`,
};

function papa(bytes: Buffer): { instruction: string; response: string }[] {
  const { data } = Papa.parse<{ instruction: string; response: string }>(bytes.toString("utf8"), {
    header: true,
    skipEmptyLines: true,
  });
  return data;
}

/** Milliseconds that pass, and those of the processor, all threads together: other work adds to the first only. */
async function timed(work: () => unknown): Promise<{ passed: number; processor: number }> {
  const [start, before] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(before);
  return { passed: performance.now() - start, processor: (user + system) / 1000 };
}

console.log(
  `${rows} rows; ${cpus()[0].model.trim()}; Node ${process.version}; medians of ${rounds} rounds in turns`,
);
for (const [name, line] of Object.entries(files)) {
  const separator = name.includes("semicolons") ? ";" : ",";
  const text = `instruction${separator}response\n${Array.from({ length: rows }, (_, i) => line(i)).join("\n")}\n`;
  const bytes = Buffer.from(text);
  const table = await loadCsv(bytes);
  const expected = papa(bytes);
  assert.equal(table.rows.length, expected.length);
  for (const [i, row] of table.rows.entries())
    assert.deepEqual([row.instruction, row.response], [expected[i].instruction, expected[i].response]);
  assert.equal(table.repairs.length + table.rejected.length, 0);
  const times: Record<"ours" | "papa", Awaited<ReturnType<typeof timed>>[]> = { ours: [], papa: [] };
  for (let round = 0; round < rounds; round++) {
    times.ours.push(await timed(() => loadCsv(bytes)));
    times.papa.push(await timed(() => papa(bytes)));
  }
  const middle = (what: "passed" | "processor") =>
    [times.ours, times.papa].map((list) => median(list.map((one) => one[what])));
  const [ours, theirs] = middle("passed");
  const [own, other] = middle("processor");
  const speed = (ms: number) => `${(bytes.length / 1000 / ms).toFixed(0)} MB/s`;
  console.log(
    `${name.padEnd(22)} ${(bytes.length / 1e6).toFixed(0)} MB  loadCsv ${speed(ours)}  PapaParse ${speed(theirs)}  ${(theirs / ours).toFixed(2)} x; processor time ${(other / own).toFixed(2)} x`,
  );
}
