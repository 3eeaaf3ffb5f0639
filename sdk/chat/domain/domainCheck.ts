/**
 * Looks over a domain as its author would: words that two categories claim, example phrases that land in another
 * category when they are left out of the training, and how many questions of a CSV the domain understands.
 */

import { ReasoningSystem } from "../reasoning.ts";
import { findings } from "../trace.ts";
import { Classifier } from "./classifier.ts";
import { type CompiledDomain, compileDomain } from "./compile.ts";
import type { Domain } from "./domainSchema.ts";
import { labelledPhrases } from "./domainWords.ts";

/** What a look over a domain finds. */
export interface DomainReport {
  categories: { id: string; keywords: number; examples: number }[];
  /** Keywords that stand in more than one category. */
  claimedTwice: { word: string; categories: string[] }[];
  /** Example phrases that another category would get, had they not been examples themselves. */
  astray: { phrase: string; category: string; landsIn: string }[];
  /** Share (0 to 1) of examples that land in their own category when left out. */
  heldOut: number;
  /** How the questions of a file are understood; absent without one. */
  coverage?: {
    questions: number;
    /** Decided with a margin, so that nothing needs to be asked back. */
    clear: number;
    byCategory: Record<string, number>;
    unclear: string[];
  };
}

/** Parts that the examples are divided into; each is left out once. */
const FOLDS = 5;

/** `questions` are those of a CSV, where coverage is wanted. */
export function checkDomain(domain: Domain, questions?: readonly string[]): DomainReport {
  const compiled = compileDomain(domain);
  const { astray, heldOut } = leaveOut(domain, compiled);
  const report: DomainReport = {
    categories: domain.categories.map(({ id, keywords, examples }) => ({
      id,
      keywords: keywords.length,
      examples: examples.length,
    })),
    claimedTwice: claimedTwice(domain, compiled),
    astray,
    heldOut,
  };
  if (questions !== undefined) report.coverage = coverage(domain, questions);
  return report;
}

function claimedTwice(domain: Domain, { analyse }: CompiledDomain): DomainReport["claimedTwice"] {
  const claims = new Map<string, { word: string; categories: Set<string> }>();
  for (const { id, keywords } of domain.categories)
    for (const word of keywords) {
      const key = analyse(word)
        .tokens.map(({ stem }) => stem)
        .join(" ");
      const claim = claims.get(key) ?? { word, categories: new Set() };
      claim.categories.add(id);
      claims.set(key, claim);
    }
  return [...claims.values()]
    .filter(({ categories }) => categories.size > 1)
    .map(({ word, categories }) => ({ word, categories: [...categories] }));
}

function leaveOut(domain: Domain, compiled: CompiledDomain): Pick<DomainReport, "astray" | "heldOut"> {
  const phrases = labelledPhrases(domain, compiled);
  const astray: DomainReport["astray"] = [];
  let tried = 0;
  for (let fold = 0; fold < FOLDS; fold++) {
    const left = (i: number) => phrases[i].example !== undefined && i % FOLDS === fold;
    const kept = phrases.filter((_, i) => !left(i));
    const classifier = new Classifier(kept, domain.categories.length, compiled.language, compiled.classes);
    phrases.forEach(({ example, label, tokens }, i) => {
      const category = domain.categories[label];
      // What is courtesy alone is decided by rule.
      if (!left(i) || example === undefined || category.role !== "request") return;
      tried++;
      const p = classifier.probabilities(tokens);
      const best = p.indexOf(Math.max(...p));
      if (best !== label)
        astray.push({ phrase: example, category: category.id, landsIn: domain.categories[best].id });
    });
  }
  return { astray, heldOut: tried === 0 ? 1 : 1 - astray.length / tried };
}

function coverage(domain: Domain, questions: readonly string[]): NonNullable<DomainReport["coverage"]> {
  const reasoning = new ReasoningSystem(domain);
  const byCategory: Record<string, number> = Object.fromEntries(domain.categories.map(({ id }) => [id, 0]));
  const unclear: string[] = [];
  for (const question of questions) {
    const found = findings(reasoning.analyse(question)).categorise;
    if (found === undefined) continue;
    byCategory[found.category]++;
    if (found.needsClarification) unclear.push(question);
  }
  return { questions: questions.length, clear: questions.length - unclear.length, byCategory, unclear };
}
