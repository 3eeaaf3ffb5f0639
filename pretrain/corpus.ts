// Builds the corpus of the bundled base model:
//   npx tsx pretrain/corpus.ts --out DIR [--dialogues 240000] [--seed 2026] [--cache DIR/.cache] [--record]
// It writes DIR/train.jsonl and DIR/heldout.jsonl, one document a line: prose of Debian packages (sources.json says
// which) and conversations of our own generator. The same packages and seed give the same files.

import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Random } from "../sdk/data/random.ts";
import { type DialogueDocument, dialogueDocuments } from "./dialogues.ts";
import { Sieve } from "./prose/clean.ts";
import { type ProseDocument, proseDocuments, sources } from "./prose/sources.ts";

export type CorpusDocument = ProseDocument | DialogueDocument;

/** True for one document in a hundred, by its content alone: adding a source moves no document across. */
export function isHeldOut(line: string): boolean {
  return createHash("sha256").update(line).digest().readUInt32BE(0) % 100 === 0;
}

/** Documents, characters and held-out documents by source and language. */
class Summary {
  private readonly rows = new Map<string, { documents: number; heldOut: number; characters: number }>();

  add({ source, language, ...content }: CorpusDocument, heldOut: boolean): void {
    const key = `${source}\t${language}`;
    const row = this.rows.get(key) ?? { documents: 0, heldOut: 0, characters: 0 };
    row.documents++;
    row.heldOut += heldOut ? 1 : 0;
    row.characters +=
      "text" in content
        ? content.text.length
        : content.messages.reduce((sum, m) => sum + m.content.length, 0);
    this.rows.set(key, row);
  }

  characters(source: string): Record<string, number> {
    const found = [...this.rows].filter(([key]) => key.startsWith(`${source}\t`));
    return Object.fromEntries(found.map(([key, row]) => [key.split("\t")[1], row.characters]));
  }

  toString(): string {
    const totals = new Map<string, { documents: number; heldOut: number; characters: number }>();
    for (const [key, row] of this.rows) {
      const total = `all\t${key.split("\t")[1]}`;
      const sum = totals.get(total) ?? { documents: 0, heldOut: 0, characters: 0 };
      sum.documents += row.documents;
      sum.heldOut += row.heldOut;
      sum.characters += row.characters;
      totals.set(total, sum);
    }
    const line = (cells: (string | number)[]) =>
      cells
        .map((cell, i) => (i === 0 ? String(cell).padEnd(24) : String(cell).padStart(i === 1 ? 9 : 12)))
        .join("");
    return [
      line(["source", "language", "documents", "held out", "characters"]),
      ...[...this.rows, ...totals].map(([key, row]) =>
        line([...key.split("\t"), row.documents, row.heldOut, row.characters]),
      ),
    ].join("\n");
  }
}

function main(): void {
  const { values } = parseArgs({
    options: {
      out: { type: "string" },
      dialogues: { type: "string", default: "240000" },
      seed: { type: "string", default: "2026" },
      cache: { type: "string" },
      record: { type: "boolean", default: false },
    },
  });
  if (!values.out) throw new Error("--out DIR is missing: where should train.jsonl and heldout.jsonl go?");
  const [count, seed] = [Number(values.dialogues), Number(values.seed)];
  if (!Number.isInteger(count) || count < 0)
    throw new Error(`--dialogues: expected a count, got ${values.dialogues}`);
  if (!Number.isInteger(seed)) throw new Error(`--seed: expected a whole number, got ${values.seed}`);
  const out = resolve(values.out);
  mkdirSync(out, { recursive: true });

  const summary = new Summary();
  const sieve = new Sieve();
  const lines = new Set<string>();
  const heldOut: string[] = [];
  const train: string[] = [];
  const take = (document: CorpusDocument) => {
    const line = JSON.stringify(document);
    if (lines.has(line)) return; // short conversations can come out alike
    lines.add(line);
    const held = isHeldOut(line);
    (held ? heldOut : train).push(line);
    summary.add(document, held);
  };
  for (const document of proseDocuments(values.cache ? resolve(values.cache) : join(out, ".cache"), sieve))
    take(document);
  for (const document of dialogueDocuments({ seed, count })) take(document);

  // Shuffled once, so that any part of the file is like the whole.
  writeFileSync(join(out, "train.jsonl"), `${new Random(seed, 1).shuffle(train).join("\n")}\n`);
  writeFileSync(join(out, "heldout.jsonl"), `${new Random(seed, 2).shuffle(heldOut).join("\n")}\n`);
  console.log(String(summary));
  console.log(
    `\nparagraphs refused: ${[...sieve.refused].map(([reason, n]) => `${reason} ${n}`).join(", ")}`,
  );
  if (values.record) {
    for (const source of sources) source.characters = summary.characters(source.name);
    writeFileSync(
      fileURLToPath(new URL("sources.json", import.meta.url)),
      `${JSON.stringify(sources, null, 2)}\n`,
    );
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    main();
  } catch (error) {
    console.error((error as Error).message);
    process.exit(1);
  }
}
