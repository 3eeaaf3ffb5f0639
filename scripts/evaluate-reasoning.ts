/**
 * `npm run evaluate:reasoning [-- FILE… [--misses] [--model DIR]]`: how well the reasoning does on labelled items, with
 * the pairs of categories that it confuses. Default: the files of data/evaluation. With a model, also the categories with
 * its second opinion, and what that costs.
 */
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { useDevice } from "../sdk/backend/device.ts";
import { packageRoot } from "../sdk/backend/packageRoot.ts";
import { loadDomain } from "../sdk/chat/domain/domain.ts";
import {
  f1,
  type ItemScores,
  type LabelledItem,
  labelledItemSchema,
  scoreItems,
} from "../sdk/chat/itemScores.ts";
import { toChatModel } from "../sdk/chat/model.ts";
import { ReasoningSystem } from "../sdk/chat/reasoning.ts";
import { findings } from "../sdk/chat/trace.ts";
import { loadModel } from "../sdk/model/load.ts";

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
    model: { type: "string" },
  },
});
const domain = await loadDomain(values.domain);
const reasoning = new ReasoningSystem(domain);
for (const file of positionals.length > 0 ? positionals : FILES) {
  const items = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => labelledItemSchema.parse(JSON.parse(line)));
  // The first pass warms the compiler up; the rate is that of the second.
  scoreItems(reasoning, items);
  show(relative(process.cwd(), file), items.length, scoreItems(reasoning, items));
  if (values.model !== undefined) await askModel(values.model, items);
}

/** Categories by reasoning and model together. */
async function askModel(dir: string, items: readonly LabelledItem[]): Promise<void> {
  await useDevice("auto");
  const { logLikelihoods } = toChatModel(await loadModel(dir));
  if (logLikelihoods === undefined) throw new Error(`${dir}: the model gives no likelihoods`);
  const asking = new ReasoningSystem({ ...domain, categorize: { ...domain.categorize, useModel: true } });
  const judged = items.filter(({ category }) => category !== undefined);
  let [right, milliseconds] = [0, 0];
  for (const { query, history, category } of judged) {
    const trace = await asking.analyseWith({ logLikelihoods }, query, { messages: history ?? [] });
    if (findings(trace).categorise?.category === category) right++;
    milliseconds += trace.entries.reduce((sum, entry) => sum + (entry.modelMilliseconds ?? 0), 0);
  }
  const detail = `${right} of ${judged.length}, ${(milliseconds / judged.length).toFixed(0)} ms a query`;
  row("category, model", right / judged.length, undefined, detail);
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
