/**
 * Rows of a table to examples of token ids and labels. Invariants: `labels[t]` is `ids[t + 1]` or -100; an EOS
 * that an example holds is trained; the prompt's ids are those that chat will send.
 */
import { z } from "zod";
import { checkArgument, checkOptions } from "../options.ts";
import type { ChatMessage } from "../text/chatTemplate.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { displayable } from "../views/bundle.ts";
import { percent } from "../views/numbers.ts";
import type { Row, Table } from "./csv.ts";
import { describe } from "./describe/describe.ts";
import { type Example, ignoredLabel } from "./example.ts";
import { noisyQuestion } from "./noisyQuestion.ts";
import { Random } from "./random.ts";
import { showDataset } from "./show.ts";

export type { Example } from "./example.ts";

/** Options of `prepareDataset`. */
export interface DatasetOptions {
  /**
   * Share of the examples kept for testing, in [0, 1); rows with the same instruction stay together. Default 0.
   * Danger: what is in `test` is not trained.
   */
  testFraction?: number;
  /** Of the split: equal seeds give equal splits. Whole number, default 0. */
  seed?: number;
  /**
   * Which tokens the model learns to say: "response" (default), the answer with its EOS; "all", the question too.
   * Danger: with "all" and few rows it learns to ask.
   */
  trainOn?: "response" | "all";
  /**
   * Copies of every training row whose question is noisy: words missing or swapped, no accents (`noisyQuestion`).
   * Default 0. A small model then answers unseen wordings far better. Danger: an epoch is 1 + noisyCopies as long,
   * and questions that differ in one word only become alike.
   */
  noisyCopies?: number;
  /** Tokens an example may have, template included. Default 512. Danger: memory grows with it. */
  maxSeqLength?: number;
  /**
   * What happens to longer examples: "drop" (default) leaves them out and reports their lines; "truncate" cuts the
   * end; "error" throws. Danger: a truncated answer has no EOS, so the model does not learn where it ends.
   */
  overflow?: "drop" | "truncate" | "error";
  /** Put before every instruction; give chat the same. Default: none. Danger: chat without it sees other prompts. */
  systemPrompt?: string;
}

/** What `prepareDataset` did with the rows. */
export interface DatasetReport {
  /** Rows of the table. */
  rows: number;
  train: number;
  test: number;
  /** Tokens of `train`. */
  trainTokens: number;
  /** Tokens of `test`. */
  testTokens: number;
  /** Labels of `train` that are not -100. */
  trainedTokens: number;
  /** trainedTokens / trainTokens, in [0, 1]. */
  trainedShare: number;
  /** The longest example, before dropping and cutting. */
  longest: { line: number; tokens: number };
  dropped: { line: number; tokens: number; reason: string }[];
  truncated: { line: number; tokens: number }[];
  /**
   * What `describe` finds that is worth a look before compute is spent: repeated rows, questions with different
   * answers, answers of one word, likely personal data; with line numbers.
   */
  warnings: string[];
  /** All this to read. */
  text: string;
}

export interface Dataset {
  train: Example[];
  test: Example[];
  report: DatasetReport;
}

const optionsSchema = z.strictObject({
  testFraction: z.number().min(0).lt(1).default(0),
  seed: z.int().default(0),
  trainOn: z.enum(["response", "all"]).default("response"),
  noisyCopies: z.int().min(0).default(0),
  maxSeqLength: z.int().min(2).default(512),
  overflow: z.enum(["drop", "truncate", "error"]).default("drop"),
  systemPrompt: z.string().min(1).optional(),
});
type Settings = z.output<typeof optionsSchema>;

/**
 * Checks the options and fills in the defaults.
 *
 * @throws TypeError that names every wrong key
 */
export function resolveDatasetOptions(options: DatasetOptions): Settings {
  return checkOptions("prepareDataset", optionsSchema, options);
}

/** Why a table has no rows, and what to do. */
function whyNoRows({ rejected }: Table): string {
  if (!(rejected?.length > 0)) return "it has no rows. Add some below its header";
  const [{ line, reason }] = rejected;
  return `all ${rejected.length} were rejected (line ${line}: ${reason}). Complete them, or look at table.report`;
}

/**
 * Turns rows into examples to train on and to test with: each is the conversation of one row through the model's own chat
 * template, as token ids, with the answer's tokens to be learnt (`trainOn`). Rows that are too long are dropped and listed
 * unless `overflow` says otherwise; the same seed divides the same way.
 *
 * @param table rows with instruction and response, as `loadCsv` gives them
 * @param tokenizer the model's, with its chat template
 * @throws when an option is wrong (all of them are named), a row is too long with overflow "error", or nothing is
 * left to train
 */
export function prepareDataset(table: Table, tokenizer: Tokenizer, options: DatasetOptions = {}): Dataset {
  const settings = resolveDatasetOptions(options);
  checkArgument("prepareDataset: table", Array.isArray(table?.rows), "a table, as loadCsv gives it", table);
  if (table.rows.length === 0) {
    throw new Error(
      `prepareDataset: expected rows with a question and an answer, got none from ${table.source}: ${whyNoRows(table)}`,
    );
  }
  const encodes = typeof tokenizer?.encode === "function";
  checkArgument("prepareDataset: tokenizer", encodes, "model.tokenizer", tokenizer);
  const { kept, ...lengths } = fittingExamples(table.rows, tokenizer, settings);
  const { train: rows, test } = split(kept, settings);
  const train = [...rows, ...noisyCopies(rows, tokenizer, settings)];
  const trainedTokens = sum(train, trainedCount);
  if (trainedTokens === 0) {
    const { dropped, longest } = lengths;
    throw new Error(
      `prepareDataset: expected tokens to train, got none: of ${table.rows.length} rows, ${dropped.length} were dropped and ${test.length} are for testing. Raise maxSeqLength (${settings.maxSeqLength}; the longest example has ${longest.tokens} tokens), lower testFraction, or add rows.`,
    );
  }
  const trainTokens = sum(train, ({ ids }) => ids.length);
  const facts = {
    rows: table.rows.length,
    train: train.length,
    test: test.length,
    trainTokens,
    testTokens: sum(test, ({ ids }) => ids.length),
    trainedTokens,
    trainedShare: trainedTokens / trainTokens,
    ...lengths,
    warnings: describe(table).warnings,
  };
  return { train, test, report: displayable({ ...facts, text: reportText(facts) }, showDataset) };
}

/**
 * The rows as examples of at most `maxSeqLength` tokens, with what became of longer ones.
 *
 * @throws with overflow "error", when there are longer ones
 */
function fittingExamples(
  rows: readonly Row[],
  tokenizer: Tokenizer,
  settings: Settings,
): { kept: Example[] } & Pick<DatasetReport, "longest" | "dropped" | "truncated"> {
  const { maxSeqLength, overflow } = settings;
  const kept: Example[] = [];
  const dropped: DatasetReport["dropped"] = [];
  const truncated: DatasetReport["truncated"] = [];
  const longest = { line: 0, tokens: 0 };
  for (const row of rows) {
    const example = encodeRow(row, tokenizer, settings);
    const tokens = example.ids.length;
    const { line } = row;
    if (tokens > longest.tokens) Object.assign(longest, { line, tokens });
    if (tokens <= maxSeqLength) kept.push(example);
    else if (overflow === "drop") dropped.push({ line, tokens, reason: "longer than maxSeqLength" });
    else if (overflow === "truncate") {
      const cut = truncate(example, maxSeqLength);
      if (trainedCount(cut) === 0) {
        dropped.push({ line, tokens, reason: "no token of the answer within maxSeqLength" });
      } else {
        kept.push(cut);
        truncated.push({ line, tokens });
      }
    }
  }
  const tooLong = overflow === "error" ? rows.length - kept.length : 0;
  if (tooLong > 0) {
    throw new Error(
      `prepareDataset: expected at most maxSeqLength = ${maxSeqLength} tokens, got ${longest.tokens} at line ${longest.line} (${tooLong} rows are too long). Raise maxSeqLength, or set overflow to "drop" or "truncate".`,
    );
  }
  return { kept, longest, dropped, truncated };
}

function noisyCopies(examples: readonly Example[], tokenizer: Tokenizer, settings: Settings): Example[] {
  const random = new Random(settings.seed, 1);
  return Array.from({ length: settings.noisyCopies }, () =>
    examples.map(({ instruction, response, line }) => {
      const row = { line, response, instruction: noisyQuestion(instruction, random), fields: {} };
      return encodeRow(row, tokenizer, settings);
    }),
  )
    .flat()
    .filter(({ ids }) => ids.length <= settings.maxSeqLength);
}

function encodeRow(row: Row, tokenizer: Tokenizer, { systemPrompt, trainOn }: Settings): Example {
  const prompt: ChatMessage[] = [{ role: "user", content: row.instruction }];
  if (systemPrompt !== undefined) prompt.unshift({ role: "system", content: systemPrompt });
  const messages: ChatMessage[] = [...prompt, { role: "assistant", content: row.response }];
  const { ids, mask } = tokenizer.template.encodeChat(tokenizer, messages);
  const labels = new Int32Array(ids.length).fill(ignoredLabel);
  for (let t = 0; t + 1 < ids.length; t++) {
    if (trainOn === "all" || mask[t + 1] === 1) labels[t] = ids[t + 1];
  }
  const { line, instruction, response } = row;
  const expected = row.fields.expected
    ?.split("|")
    .map((text) => text.trim())
    .filter(Boolean);
  return {
    ids: Int32Array.from(ids),
    labels,
    instruction,
    response,
    prompt,
    ...(expected?.length ? { expected } : {}),
    line,
  };
}

function truncate(example: Example, length: number): Example {
  const ids = example.ids.slice(0, length);
  const labels = example.labels.slice(0, length);
  // The id that the last label names was cut off.
  labels[length - 1] = ignoredLabel;
  return { ...example, ids, labels };
}

/** Whole groups of one instruction go to `test`, so that no test question was trained on. */
function split(examples: Example[], { testFraction, seed }: Settings): { train: Example[]; test: Example[] } {
  if (testFraction === 0) return { train: examples, test: [] };
  const groups = [...new Set(examples.map(({ instruction }) => instruction))];
  const sizes = new Map<string, number>();
  for (const { instruction } of examples) sizes.set(instruction, (sizes.get(instruction) ?? 0) + 1);
  // A fraction above 0 asks for a test, however few rows there are.
  const wanted = Math.max(1, Math.round(examples.length * testFraction));
  const chosen = new Set<string>();
  let count = 0;
  for (const group of new Random(seed).shuffle(groups)) {
    if (count >= wanted) break;
    chosen.add(group);
    count += sizes.get(group)!;
  }
  const inTest = ({ instruction }: Example) => chosen.has(instruction);
  return { train: examples.filter((example) => !inTest(example)), test: examples.filter(inTest) };
}

function trainedCount({ labels }: Example): number {
  return labels.reduce((count, label) => (label === ignoredLabel ? count : count + 1), 0);
}

function sum(examples: readonly Example[], value: (example: Example) => number): number {
  return examples.reduce((total, example) => total + value(example), 0);
}

function reportText(facts: Omit<DatasetReport, "text">): string {
  const { dropped, truncated, longest } = facts;
  const lines = [
    `${facts.rows} rows: ${facts.train} to train (${facts.trainTokens} tokens), ${facts.test} to test (${facts.testTokens} tokens)`,
    `trained: ${facts.trainedTokens} tokens, ${percent(facts.trainedShare)} of those to train`,
    `longest: ${longest.tokens} tokens, line ${longest.line}`,
  ];
  for (const { line, tokens, reason } of dropped)
    lines.push(`dropped: line ${line}, ${tokens} tokens, ${reason}`);
  for (const { line, tokens } of truncated) lines.push(`truncated: line ${line}, ${tokens} tokens`);
  for (const warning of facts.warnings) lines.push(`worth a look: ${warning}`);
  return lines.join("\n");
}
