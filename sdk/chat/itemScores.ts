/** How well the reasoning does on labelled items: what `npm run evaluate:reasoning` prints and the tests hold. */
import { z } from "zod";
import { itemSchema, type ReasonResult, reasonAbout } from "./items.ts";
import type { ReasoningSystem } from "./reasoning.ts";
import type { EntityKind } from "./stages/entities.ts";

/** An item with the labels that it is judged by; each is judged only where it is there. */
export const labelledItemSchema = itemSchema.extend({
  category: z.string().optional(),
  relation: z.enum(["refers_to_previous", "same_topic", "new_topic"]).optional(),
  /** Surface strings by kind; a kind that is not named has none. */
  entities: z.record(z.string(), z.array(z.string())).optional(),
  consistent: z.boolean().optional(),
  offensive: z.boolean().optional(),
});
export type LabelledItem = z.output<typeof labelledItemSchema>;

/** Right and wrong of a yes-or-no decision, or of strings found. */
export interface Counts {
  right: number;
  /** Found, and should not have been. */
  extra: number;
  missed: number;
}

export interface ItemScores {
  category: { right: number; all: number };
  relation: { right: number; all: number };
  consistency: { right: number; all: number };
  offensive: Counts;
  entities: Counts;
  entitiesByKind: Record<string, Counts>;
  /** "PAIEMENT → COMMANDE" and how often. */
  confusions: Record<string, number>;
  misses: { id: string; query: string; what: string; wanted: string; got: string }[];
  /** Items a second of processor time, all stages and the checks of the answers together. */
  perSecond: number;
}

/** Harmonic mean of precision and recall, 0 to 1: 2·right / (2·right + extra + missed). */
export function f1({ right, extra, missed }: Counts): number {
  return right === 0 ? 0 : (2 * right) / (2 * right + extra + missed);
}

/** Judges the reasoning on labelled items. */
export function scoreItems(reasoning: ReasoningSystem, items: readonly LabelledItem[]): ItemScores {
  const scores: ItemScores = {
    category: { right: 0, all: 0 },
    relation: { right: 0, all: 0 },
    consistency: { right: 0, all: 0 },
    offensive: none(),
    entities: none(),
    entitiesByKind: {},
    confusions: {},
    misses: [],
    perSecond: 0,
  };
  // Processor time, so that a busy machine does not count against the reasoning.
  const start = process.cpuUsage();
  const results = items.map((item) => reasonAbout(reasoning, item));
  const { user, system } = process.cpuUsage(start);
  scores.perSecond = items.length / ((user + system) / 1e6);
  items.forEach((item, i) => {
    judge(scores, { ...item, id: item.id ?? i + 1 }, results[i]);
  });
  return scores;
}

/** Adds what was right and wrong about one item. */
function judge(scores: ItemScores, item: LabelledItem, found: ReasonResult): void {
  const miss = (what: string, wanted: unknown, got: unknown) =>
    scores.misses.push({
      id: String(item.id),
      query: item.query,
      what,
      wanted: String(wanted),
      got: String(got),
    });
  for (const [what, label] of [
    ["category", "category"],
    ["relation", "relation"],
    ["consistency", "consistent"],
  ] as const) {
    if (item[label] === undefined) continue;
    scores[what].all++;
    if (item[label] === found[label]) scores[what].right++;
    else miss(what, item[label], found[label]);
  }
  if (item.category !== undefined && item.category !== found.category) {
    const pair = `${item.category} → ${found.category}`;
    scores.confusions[pair] = (scores.confusions[pair] ?? 0) + 1;
  }
  if (item.offensive !== undefined) {
    if (item.offensive && found.offensive) scores.offensive.right++;
    else if (item.offensive) scores.offensive.missed++;
    else if (found.offensive) scores.offensive.extra++;
    if (item.offensive !== found.offensive) miss("offensive", item.offensive, found.offensive);
  }
  if (item.entities === undefined || found.entities === undefined) return;
  for (const [kind, entities] of Object.entries(found.entities) as [EntityKind, { text: string }[]][]) {
    const wanted = item.entities[kind] ?? [];
    const got = entities.map(({ text }) => text);
    const counts = compare(wanted, got);
    scores.entitiesByKind[kind] = sum(scores.entitiesByKind[kind] ?? none(), counts);
    scores.entities = sum(scores.entities, counts);
    if (counts.extra + counts.missed > 0) miss(kind, wanted.join(", ") || "–", got.join(", ") || "–");
  }
}

function none(): Counts {
  return { right: 0, extra: 0, missed: 0 };
}

/** Strings that are equal but for capitals count as found; each once. */
function compare(wanted: readonly string[], got: readonly string[]): Counts {
  const open = wanted.map((text) => text.toLowerCase());
  let right = 0;
  for (const text of got) {
    const at = open.indexOf(text.toLowerCase());
    if (at < 0) continue;
    open.splice(at, 1);
    right++;
  }
  return { right, extra: got.length - right, missed: open.length };
}

function sum(a: Counts, b: Counts): Counts {
  return { right: a.right + b.right, extra: a.extra + b.extra, missed: a.missed + b.missed };
}
