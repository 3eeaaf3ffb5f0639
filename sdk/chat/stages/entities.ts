/**
 * Stage 3: what the query names: products, actions, concerns, times, order numbers, amounts, places, each
 * with its place in the text and a normal form.
 */

import type { CompiledDomain } from "../domain/compile.ts";
import { type Found, findAmounts } from "../reading/amounts.ts";
import { findTimes } from "../reading/dates.ts";
import type { LexiconEntry } from "../reading/lexicon.ts";
import type { AnalysedText } from "../reading/normalise.ts";
import { findOrderNumbers } from "../reading/orderNumbers.ts";
import { compoundEnd, unlistedGoods, unlistedPlaces } from "../reading/unlisted.ts";
import type { Evidence, QuestionStage, StageInput, StageResult } from "../stage.ts";

export type EntityKind =
  | "products"
  | "actions"
  | "concerns"
  | "time_references"
  | "order_numbers"
  | "amounts"
  | "locations";

/** One thing named in a text. */
export interface Entity {
  /** As typed. */
  text: string;
  start: number;
  end: number;
  /** Lemma, proper name, order number, ISO date or duration, "12.50 EUR". */
  normal: string;
  /** For a product known by name: what it is. */
  kind?: string;
}

export type EntitiesValue = Record<EntityKind, Entity[]>;

const KIND_OF_LIST: Record<Exclude<LexiconEntry["list"], "ignore">, EntityKind> = {
  products: "products",
  productKinds: "products",
  actions: "actions",
  concerns: "concerns",
  locations: "locations",
  timeReferences: "time_references",
};

/** Finds all entities of a text. `now` is the day that relative dates count from. */
export function findEntities(text: AnalysedText, domain: CompiledDomain, now: Date): EntitiesValue {
  const value: EntitiesValue = {
    products: [],
    actions: [],
    concerns: [],
    time_references: [],
    order_numbers: [],
    amounts: [],
    locations: [],
  };
  const taken: Found[] = [];
  const add = (kind: EntityKind, found: Entity) => {
    if (taken.some((other) => found.start < other.end && other.start < found.end)) return;
    taken.push(found);
    value[kind].push(found);
  };
  // Order matters: the digits of an order number are no amount, those of an amount no time.
  for (const found of findOrderNumbers(text.raw, domain)) add("order_numbers", found);
  for (const found of findAmounts(text, domain)) add("amounts", found);
  // "à demain" takes leave and names no day.
  const leave = domain.courtesy.find(text.tokens).filter(({ entry }) => entry === "farewell");
  const inLeave = ({ start, end }: Found) =>
    leave.some(({ from, to }) => text.tokens[from].start <= start && end <= text.tokens[to - 1].end);
  for (const found of findTimes(text, domain, now)) if (!inLeave(found)) add("time_references", found);
  const matches = domain.lexicon.find(text.tokens);
  for (const { entry, from, to } of matches) {
    if (entry.list === "ignore") continue;
    // A word inside a mail address names nothing.
    if (
      /[@-]\S*@|\.\w/.test(text.raw.slice(text.tokens[from].end, text.tokens[from].end + 14).split(/\s/)[0])
    )
      continue;
    const start = text.tokens[from].start;
    const end = text.tokens[to - 1].end;
    const entity: Entity = { text: text.raw.slice(start, end), start, end, normal: entry.word.normal };
    if (entry.word.kind !== undefined) entity.kind = entry.word.kind;
    add(KIND_OF_LIST[entry.list], entity);
  }
  for (const found of unlistedPlaces(text, domain)) add("locations", found);
  for (const found of unlistedGoods(text, domain)) add("products", found);
  value.products = joinKindAndName(value.products, text.raw);
  for (const product of value.products)
    if (product.kind !== undefined) addModel(product, text.raw, domain);
    else addCompound(product, value, text.raw, domain);
  return value;
}

/** "la brouette Hirondelle" is one product, not a brouette and an Hirondelle. */
function joinKindAndName(products: Entity[], raw: string): Entity[] {
  return products.filter((entity, i) => {
    const next = products[i + 1];
    if (next === undefined || next.kind !== entity.normal) return true;
    if (raw.slice(entity.end, next.start).trim() !== "") return true;
    next.start = entity.start;
    next.text = raw.slice(next.start, next.end);
    return false;
  });
}

/** "pantalon de pluie" is not just any pantalon. */
function addCompound(
  product: Entity,
  { products }: EntitiesValue,
  raw: string,
  domain: CompiledDomain,
): void {
  const end = compoundEnd(raw, product.end, domain);
  if (end === product.end) return;
  // "housse de canapé" is one thing, although both are goods.
  const inside = products.findIndex(({ start }) => start > product.start && start < end);
  if (inside >= 0) products.splice(inside, 1);
  product.end = end;
  product.text = raw.slice(product.start, end);
}

/** What may follow the name of a product: "13 pro", "S22", "V8". */
const MODEL =
  /^(?:[ -]?(?:[a-z]{1,2}\d{1,3}[a-z]?|\d{1,2}(?=[\s?.,!]|$)|pro|max|plus|mini|slim|ultra|lite)\b){1,3}/i;

/** "iphone 13" is one name, and another product than "iphone 14". */
function addModel(product: Entity, raw: string, { language }: CompiledDomain): void {
  const behind = raw.slice(product.end);
  const model = MODEL.exec(behind)?.[0];
  const count = /^\s?\d{1,2}/.exec(behind)?.[0].length ?? 0;
  const unit = behind.slice(count);
  if (
    model === undefined ||
    (count > 0 && (/^\s?(?:kg|cm|€)/i.test(unit) || language.countBehind.test(unit)))
  )
    return;
  product.end += model.length;
  product.text = raw.slice(product.start, product.end);
  product.normal += ` ${model.trim().toUpperCase()}`;
}

/** Runs the entity search on the query. Scores are counts by kind. */
export function entities({ query, conversation, domain }: StageInput): StageResult<EntitiesValue> {
  const value = findEntities(query, domain, conversation.now ?? new Date());
  const evidence: Evidence[] = [];
  const named: string[] = [];
  const scores: Record<string, number> = {};
  for (const [kind, list] of Object.entries(value)) {
    scores[kind] = list.length;
    for (const { text, start, end, normal } of list) {
      evidence.push({ rule: `${kind}: ${normal}`, text, start, end, weight: 1 });
      named.push(normal);
    }
  }
  return { value, summary: named.join(", ") || "–", scores, evidence };
}

export const entitiesStage: QuestionStage<EntitiesValue> = {
  name: "entities",
  looksAt: "question",
  run: entities,
};
