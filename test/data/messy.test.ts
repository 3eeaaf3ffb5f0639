import assert from "node:assert/strict";
import { loadCsv } from "../../sdk/data/csv.ts";
import { brought } from "./messy/brought.ts";
import { combined } from "./messy/combined.ts";
import { damage } from "./messy/damage.ts";
import { dialogues } from "./messy/dialogues.ts";
import { exports } from "./messy/exports.ts";
import { faults } from "./messy/faults.ts";
import { helpDesks } from "./messy/helpDesks.ts";
import { languages } from "./messy/languages.ts";
import { sheets } from "./messy/sheets.ts";
import { tables } from "./messy/tables.ts";
import type { MessyFile, Pair } from "./messy/texts.ts";
import { writing } from "./messy/writing.ts";

async function read({ bytes }: MessyFile): Promise<Pair[]> {
  const table = await loadCsv(Buffer.from(bytes as string));
  return table.rows.map(({ instruction, response }) => [instruction, response] as const);
}

describe("loadCsv on files such as people bring", () => {
  for (const file of [
    ...writing,
    ...tables,
    ...faults,
    ...brought,
    ...combined,
    ...exports,
    ...dialogues,
    ...helpDesks,
    ...languages,
    ...sheets,
    ...damage,
  ])
    it(file.name, async () => {
      assert.deepEqual(await read(file), file.rows);
    });
});
