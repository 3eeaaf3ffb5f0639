/** All messy files. */
import { chats } from "./chats.ts";
import { combined } from "./combined.ts";
import { contents } from "./contents.ts";
import { damage } from "./damage.ts";
import { databases } from "./databases.ts";
import { dialogues } from "./dialogues.ts";
import { faults } from "./faults.ts";
import { helpDesks } from "./helpDesks.ts";
import { languages } from "./languages.ts";
import { sheetLayouts } from "./sheetLayouts.ts";
import { spreadsheets } from "./spreadsheets.ts";
import { tables } from "./tables.ts";
import type { MessyFile } from "./texts.ts";
import { writing } from "./writing.ts";

export const messyFiles: readonly MessyFile[] = [
  ...writing,
  ...tables,
  ...faults,
  ...damage,
  ...combined,
  ...contents,
  ...spreadsheets,
  ...sheetLayouts,
  ...helpDesks,
  ...databases,
  ...chats,
  ...dialogues,
  ...languages,
];
