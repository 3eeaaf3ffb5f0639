import assert from "node:assert/strict";
import { loadCsv } from "../../sdk/data/csv.ts";
import { messyFiles } from "./messy/files.ts";
import type { MessyFile, Pair } from "./messy/texts.ts";

async function read({ bytes }: MessyFile): Promise<Pair[]> {
  const table = await loadCsv(Buffer.from(bytes as string));
  return table.rows.map(({ instruction, response }) => [instruction, response] as const);
}

describe("loadCsv on files such as people bring", () => {
  for (const file of messyFiles)
    it(file.name, async () => {
      assert.deepEqual(await read(file), file.rows);
    });
});
