/**
 * `npm run evaluate:reasoning [-- FILE… [--misses]]`: how well the reasoning does on labelled items, with the pairs of
 * categories that it confuses. Default: the files of data/evaluation.
 */
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { packageRoot } from "../sdk/backend/packageRoot.ts";
import { loadDomain } from "../sdk/chat/domain.ts";
import { f1, type ItemScores, labelledItemSchema, scoreItems } from "../sdk/chat/itemScores.ts";
import { ReasoningSystem } from "../sdk/chat/reasoning.ts";

/** What the issue of the reasoning asks for on unseen items, in percent. */
const BARS = { category: 90, entities: 80, relation: 85, consistency: 85, offensive: 95 };
const FILES = ["reasoning.fr.jsonl", "reasoning.unseen.fr.jsonl"].map((name) =>
  join(packageRoot(), "data", "evaluation", name),
);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    domain: { type: "string", default: "ecommerce.fr" },
    misses: { type: "boolean", default: false },
  },
});
const reasoning = new ReasoningSystem(await loadDomain(values.domain));
for (const file of positionals.length > 0 ? positionals : FILES) {
  const items = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => labelledItemSchema.parse(JSON.parse(line)));
  // The first pass warms the compiler up; the rate is that of the second.
  scoreItems(reasoning, items);
  show(relative(process.cwd(), file), items.length, scoreItems(reasoning, items));
}

function show(name: string, count: number, scores: ItemScores): void {
  const share = ({ right, all }: { right: number; all: number }) => (all === 0 ? undefined : right / all);
  const judged = (counts: ItemScores["entities"]) =>
    counts.right + counts.extra + counts.missed === 0 ? undefined : f1(counts);
  console.log(`\n${name}: ${count} items, ${Math.round(scores.perSecond).toLocaleString("en-US")} a second`);
  row(
    "category",
    share(scores.category),
    BARS.category,
    `${scores.category.right} of ${scores.category.all}`,
  );
  row(
    "relation",
    share(scores.relation),
    BARS.relation,
    `${scores.relation.right} of ${scores.relation.all}`,
  );
  row(
    "consistency",
    share(scores.consistency),
    BARS.consistency,
    `${scores.consistency.right} of ${scores.consistency.all}`,
  );
  row("offensive, F1", judged(scores.offensive), BARS.offensive, described(scores.offensive));
  row("entities, F1", judged(scores.entities), BARS.entities, described(scores.entities));
  for (const [kind, counts] of Object.entries(scores.entitiesByKind))
    row(`  ${kind}`, judged(counts), undefined, described(counts));
  const pairs = Object.entries(scores.confusions).sort(([, a], [, b]) => b - a);
  if (pairs.length > 0) console.log("  confused, wanted → got:");
  for (const [pair, times] of pairs) console.log(`    ${String(times).padStart(2)} × ${pair}`);
  if (!values.misses) return;
  for (const { id, query, what, wanted, got } of scores.misses)
    console.log(`  ${id} ${what}: ${JSON.stringify(query)}\n      wanted ${wanted}, got ${got}`);
}

function described({ right, extra, missed }: ItemScores["entities"]): string {
  return `${right} right, ${extra} too many, ${missed} missed`;
}

function row(name: string, value: number | undefined, bar: number | undefined, detail: string): void {
  if (value === undefined) return;
  const percent = `${(100 * value).toFixed(1).padStart(6)} %`;
  const wanted = bar === undefined ? "" : `bar ${bar} %`;
  console.log(`  ${name.padEnd(18)}${percent}  ${wanted.padEnd(9)} ${detail}`);
}
