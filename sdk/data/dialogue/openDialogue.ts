/** A dialogue written as text, piece by piece: what `loadCsv` collects where the source is no table. */
import type { Settings } from "../csvOptions.ts";
import {
  addRepairs,
  type Batch,
  forbidRepairs,
  newCounts,
  type OpenTable,
  withLast,
} from "../read/openTable.ts";
import { RecordReader } from "../records/recordReader.ts";
import { mendDecodedTwice } from "../repairs/decodedTwice.ts";
import type { Dialect, Repair } from "../report/report.ts";
import { type DialogueStyle, headingOf } from "./detect.ts";
import { Exchanges } from "./exchanges.ts";
import { asks, innerAnswer, isRuleLine, turnLine } from "./lines.ts";

export interface DialogueSource {
  name: string;
  style: DialogueStyle;
  encoding: string;
  /** The text, in pieces. */
  pieces: AsyncGenerator<string>;
  encode: (text: string) => Buffer;
}

/** Lines of text to turns, in the way that the source is written. */
class Turns {
  readonly exchanges: Exchanges;
  preambleLines = 0;
  blankLines = 0;
  ruleLines = 0;
  #afterBlank = true;

  constructor(readonly style: DialogueStyle) {
    this.exchanges = new Exchanges(style.joins);
  }

  add(line: string, at: number): void {
    if (line.trim() === "") {
      this.blankLines++;
      this.#afterBlank = true;
      if (this.exchanges.begun) this.exchanges.goesOn("");
      return;
    }
    if (isRuleLine(line)) {
      this.ruleLines++;
      return;
    }
    if (!this.#begins(line, at)) {
      if (this.exchanges.begun) this.exchanges.goesOn(line.trimEnd());
      else this.preambleLines++;
    }
    this.#afterBlank = false;
  }

  /** True where the line begins a turn. */
  #begins(line: string, at: number): boolean {
    const { exchanges, style } = this;
    if (style.kind === "headings") {
      const heading = headingOf(line);
      if (heading === undefined) return this.#answers(line, at);
      exchanges.turn("question", heading.text, at);
      return true;
    }
    if (style.kind === "paragraphs") {
      if (!this.#afterBlank || !asks(line)) return this.#answers(line, at);
      exchanges.turn("question", line.trim(), at);
      return true;
    }
    const turn = turnLine(line, style.names);
    if (turn === undefined) return false;
    const both = turn.side === "question" && style.kind === "inline" ? innerAnswer(turn.text) : undefined;
    exchanges.turn(turn.side, both?.question ?? turn.text, at);
    if (both) exchanges.turn("answer", both.answer, at);
    return true;
  }

  /** The first line below a question begins its answer. */
  #answers(line: string, at: number): boolean {
    if (this.exchanges.side !== "question") return false;
    this.exchanges.turn("answer", line.trim(), at);
    return true;
  }
}

const LIMIT = 1 << 22;

export function openDialogue(source: DialogueSource, settings: Settings): OpenTable {
  const { name, style, encoding, encode } = source;
  const counts = newCounts();
  const turns = new Turns(style);
  const syntax = {
    delimiter: "",
    quote: style.quoted ? '"' : "",
    escape: "doubled" as const,
    blankAfterDelimiter: false,
  };
  const reader = new RecordReader(syntax, Math.min(settings.maxCellLength, LIMIT));
  const ends = new Set<string>();
  const dialect: Dialect = { encoding, ...syntax, recordEnd: "none", confidence: 1 };

  /** Without NULs, and decoded once; told as repairs. */
  function mended(text: string, line: number, repairs: Repair[]): string {
    const bare = text.replaceAll("\0", "");
    if (bare !== text) repairs.push({ line, kind: "nul", before: text, after: bare });
    const once = mendDecodedTwice(bare);
    if (once !== bare) repairs.push({ line, kind: "encoding", before: bare, after: once });
    return once;
  }

  function toBatch(last: boolean): Batch {
    const repairs: Repair[] = [];
    for (let record = reader.next(); record; record = reader.next()) {
      if (record.end !== "") ends.add(record.end);
      const cell = record.clean && record.raw.trimStart().startsWith('"') ? record.fields[0] : record.raw;
      cell.split(/\r\n?|\n/).forEach((line, i) => {
        const at = record.line + i;
        turns.add(mended(line, at, repairs), at);
      });
    }
    if (last) turns.exchanges.end();
    dialect.recordEnd =
      ends.size > 1
        ? "mixed"
        : (({ "\n": "LF", "\r\n": "CRLF", "\r": "CR" } as const)[[...ends][0]] ?? "none");
    const { rows, left } = turns.exchanges.take();
    counts.rows += rows.length;
    counts.rejected += left.length;
    counts.records = counts.rows + counts.rejected;
    addRepairs(counts, repairs);
    forbidRepairs(name, repairs, settings);
    counts.blankLines = turns.blankLines;
    counts.commentLines = turns.ruleLines;
    counts.preambleLines = turns.preambleLines;
    return {
      rows,
      rejected: left.map(({ line, text, reason }) => ({ line, raw: encode(text), text, reason })),
      repairs,
    };
  }

  async function* batches(): AsyncGenerator<Batch> {
    for await (const [text, last] of withLast(source.pieces, "")) {
      reader.append(text, last);
      yield toBatch(last);
    }
  }
  return {
    source: name,
    format: "dialogue",
    dialect,
    columns: ["question", "answer"],
    instruction: "question",
    response: "answer",
    hasHeader: false,
    otherTables: [],
    counts,
    batches: batches(),
  };
}
