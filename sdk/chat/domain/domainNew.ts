/** The beginning of a new domain: complete and valid, small, with what to write in its place said in the values. */
import type { z } from "zod";
import { languageOf } from "../language/languages.ts";
import type { Domain, domainSchema } from "./domainSchema.ts";

type DomainFile = z.input<typeof domainSchema>;

/** Of each category that is kept: small talk with many phrases would drown requests that have a dozen. */
const KEPT_EXAMPLES = 15;
const KEPT_KEYWORDS = 20;

/**
 * A new domain in the language of `base`, a domain that ships: its commands, its courtesy and its categories for
 * greetings, small talk and goodbyes are kept, since they are the same everywhere; two categories of requests and
 * one fact stand as examples. `schema` is where the editor finds the JSON Schema.
 */
export function newDomain(name: string, base: Domain, schema: string): DomainFile {
  const words = languageOf(base.language).texts.beginning;
  const requests = [words.first, words.second].map((category) => ({ ...category, near: [] }));
  const kept = base.categories.filter(({ role }) => role !== "request");
  const ids = new Set(kept.map(({ id }) => id));
  return {
    $schema: schema,
    name,
    language: base.language,
    systemPrompt: words.systemPrompt(name),
    promptGuidance: "full",
    categories: [
      ...requests,
      ...kept.map((category) => ({
        ...category,
        examples: category.examples.slice(0, KEPT_EXAMPLES),
        keywords: category.keywords.slice(0, KEPT_KEYWORDS),
        near: category.near.filter((id) => ids.has(id)),
      })),
    ],
    templates: Object.fromEntries(
      kept.map(({ id }) => [
        id,
        (base.templates[id] ?? []).map((template) => ({
          ...template,
          text: template.text.replaceAll(base.name, name),
        })),
      ]),
    ),
    themes: Object.fromEntries(
      requests.map(({ id, keywords }) => [
        id.toLowerCase(),
        { categories: [id], words: Object.fromEntries(keywords.map((word) => [word, 1])) },
      ]),
    ),
    entities: { products: [], productKinds: [], actions: [], concerns: [] },
    courtesy: base.courtesy,
    facts: [{ text: words.fact, category: words.first.id }],
    fallback: words.fallback,
    ui: { ...base.ui, welcome: words.welcome(name) },
  };
}
