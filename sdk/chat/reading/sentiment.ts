/** The mood of a text, with negation understood: "pas content" is negative, "aucun problème" is not. */
import type { CompiledDomain } from "../domain/compile.ts";
import { type Evidence, evidenceAt } from "../stage.ts";
import type { AnalysedText } from "./normalise.ts";
import type { PhraseMatch } from "./phrases.ts";

export interface Sentiment {
  label: "positive" | "neutral" | "negative";
  /** -1 to 1. */
  score: number;
}

/** How many words back a negation reaches: "n'est vraiment pas très content". */
const REACH = 3;

/** "conte" shares a stem with "content" and is no form of it: forms of a mood are hardly shorter than its word. */
function isOther(word: string, { phrase, from, to }: PhraseMatch<string>): boolean {
  const last = phrase.split(" ").at(-1) ?? phrase;
  return to - from === 1 && word.length < last.length - 1;
}

export function sentimentOf(text: AnalysedText, domain: CompiledDomain, evidence?: Evidence[]): Sentiment {
  const { tokens } = text;
  const { positive, negative } = domain.expressions;
  let sum = 0;
  for (let i = 0; i < tokens.length; ) {
    const good = positive.at(tokens, i);
    const bad = negative.at(tokens, i);
    const match = (good?.to ?? 0) > (bad?.to ?? 0) ? good : (bad ?? good);
    if (match === undefined || isOther(tokens[i].word, match)) {
      i++;
      continue;
    }
    const before = tokens.slice(Math.max(0, i - REACH), i);
    // A phrase that brings its own negation ("toujours pas") is not turned round by it.
    const turned = before.some((token) => domain.language.negations.has(token.word));
    const weight = (match === good ? 1 : -1) * (turned ? -1 : 1);
    // "pas cassé" is no praise, only no complaint.
    const counted = match !== good && turned ? 0 : weight;
    sum += counted;
    evidence?.push(evidenceAt(text, turned ? "sentiment, negated" : "sentiment", i, match.to, counted));
    i = match.to;
  }
  const shouting = text.raw.length > 12 && text.raw === text.raw.toUpperCase() && /\p{Lu}/u.test(text.raw);
  if (shouting || /!{2,}/.test(text.raw)) sum *= 1.5;
  const score = Math.max(-1, Math.min(1, sum / 2));
  return { label: score > 0 ? "positive" : score < 0 ? "negative" : "neutral", score };
}
