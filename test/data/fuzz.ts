/** Random and mutated files for `loadCsv`, and what must hold for every one of them. */
import assert from "node:assert/strict";
import { loadCsv } from "../../sdk/data/csv.ts";
import { Random } from "../../sdk/data/random.ts";
import { messyFiles } from "./messy/files.ts";

const seeds = messyFiles.map(({ bytes }) => Buffer.from(bytes as string));
const bits = [
  '"',
  '""',
  ",",
  ";",
  "\n",
  "\r",
  "\r\n",
  "\t",
  "|",
  "\\",
  "'",
  "“",
  "«",
  "\0",
  "#",
  "a",
  "é",
  "Ã©",
  " ",
  "{",
  "[",
  "question,réponse\n",
  "Q: ",
  "\nR: ",
  "Client : ",
  "PAR1",
  "\ufeff",
];

/** One input: bytes at random, marks at random, or a file of the messy ones with bytes changed, cut and repeated. */
export function randomFile(random: Random): Buffer {
  const kind = random.int(4);
  if (kind === 0) {
    // Bytes below 32 make what is refused as no text.
    const least = random.int(2) * 32;
    return Buffer.from(Array.from({ length: random.int(200) }, () => least + random.int(256 - least)));
  }
  if (kind === 1)
    return Buffer.from(Array.from({ length: random.int(120) }, () => bits[random.int(bits.length)]).join(""));
  let bytes: Buffer<ArrayBuffer> = Buffer.from(seeds[random.int(seeds.length)]);
  for (let i = 1 + random.int(6); i > 0 && bytes.length > 0; i--) bytes = mutated(bytes, random);
  return bytes;
}

function mutated(bytes: Buffer, random: Random): Buffer<ArrayBuffer> {
  const at = random.int(bytes.length);
  const end = Math.min(bytes.length, at + random.int(40));
  const piece = Buffer.from(bits[random.int(bits.length)]);
  switch (random.int(5)) {
    case 0:
      return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    case 3:
      return Buffer.from(bytes.subarray(0, at));
    default: {
      const changed = Buffer.from(bytes);
      changed[at] = random.int(256);
      return changed;
    }
  }
}

// What `loadCsv` documents that it throws.
const documented =
  /^\((?:buffer|stream)\): (?:line \d+.*: )?expected (?:columns|a text|a header and rows|objects with both sides|a Parquet file|at most maxColumns|a cell of at most)/s;

/** @returns the rows, or undefined where the file is none */
export async function check(bytes: Buffer): Promise<number | undefined> {
  let table: Awaited<ReturnType<typeof loadCsv>>;
  try {
    table = await loadCsv(bytes);
  } catch (error) {
    assert.match((error as Error).message, documented);
    return undefined;
  }
  const { counts } = table.report;
  assert.equal(counts.rows, table.rows.length);
  assert.equal(counts.rejected, table.rejected.length);
  assert.equal(counts.records, counts.rows + counts.rejected);
  assert.equal(counts.repairs, table.repairs.length);
  let line = 0;
  for (const row of table.rows) {
    assert.ok(row.instruction.trim() !== "" && row.response.trim() !== "");
    assert.ok(row.line >= line, "rows stand in the order of the file");
    line = row.line;
  }
  String(table.report);
  return counts.rows;
}

/** Checks inputs of a seed; the message of a failure holds the input. */
export async function fuzz(seed: number, tries: number): Promise<void> {
  const random = new Random(seed);
  for (let i = 0; i < tries; i++) {
    const bytes = randomFile(random);
    try {
      await check(bytes);
    } catch (error) {
      throw new Error(`seed ${seed}, try ${i}, input ${bytes.toString("base64")}: ${(error as Error).stack}`);
    }
  }
}
