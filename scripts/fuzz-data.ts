/** All of the data room's random inputs: `npx tsx scripts/fuzz-data.ts [tries] [seed]`. CI runs a share of them. */
import { fuzz } from "../test/data/fuzz.ts";

const tries = Number(process.argv[2] ?? 100_000);
const seed = Number(process.argv[3] ?? 1);
const share = 1000;
const start = performance.now();
for (let done = 0; done < tries; done += share)
  await fuzz(seed + done / share, Math.min(share, tries - done));
console.log(
  `${tries} inputs, ${((performance.now() - start) / 1000).toFixed(0)} s: only documented errors, all records counted`,
);
