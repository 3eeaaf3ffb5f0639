/**
 * Places and goods that no list has, told by how they stand in the sentence: "bloqué à Gennevilliers", "vendez-vous des
 * mandolines ?". Only words that the domain and the language do not know count, so that a known word keeps its meaning.
 */

import type { CompiledDomain } from "../domain/compile.ts";
import type { Found } from "./amounts.ts";
import { type AnalysedText, fold } from "./normalise.ts";

/** Capitalised words behind a preposition of place: a town that the lists do not have. */
export function unlistedPlaces({ raw, tokens }: AnalysedText, domain: CompiledDomain): Found[] {
  const { where, whereVerbs, subjects } = domain.language;
  // Where all is in capitals, a capital says nothing.
  if (where === undefined || raw === raw.toUpperCase()) return [];
  const found: Found[] = [];
  for (const match of raw.matchAll(where)) {
    const text = match[2];
    const start = match.index + match[0].length - text.length;
    const at = tokens.findIndex((token) => token.start >= start);
    const lead = tokens.findLast(({ end }) => end <= match.index + match[0].indexOf(match[1]));
    // "il a Netflix" has no place in it.
    if (whereVerbs.has(fold(match[1])) && subjects.has(lead?.word ?? "")) continue;
    // A name of several parts ("Bourg-la-Reine") is one, whatever its first part means.
    if (at < 0 || (!text.includes("-") && domain.knows(fold(tokens[at].text)))) continue;
    found.push({ text, start, end: start + text.length, normal: text });
  }
  return found;
}

/** An unknown noun behind a verb of selling, buying or looking for, or before a trouble. */
export function unlistedGoods({ raw, tokens }: AnalysedText, domain: CompiledDomain): Found[] {
  const { trades, articles, between, auxiliaries, reflexives } = domain.language;
  const troubled = new Set(
    domain.lexicon.find(tokens).flatMap(({ entry, from }) => (entry.list === "concerns" ? [from] : [])),
  );
  const fails = (at: number) => {
    while (auxiliaries.has(tokens[at]?.word) || reflexives.has(tokens[at]?.word)) at++;
    return troubled.has(at) && tokens[at].clause === tokens[at - 1].clause;
  };
  const found: Found[] = [];
  tokens.forEach((token, at) => {
    const { text, word, repaired, start, clause } = token;
    if (repaired || !/^\p{Ll}{4,}$/u.test(text) || domain.knows(word) || domain.language.stopWords.has(word))
      return;
    // "d'" is no token of its own.
    const elided = /['’]$/.test(raw.slice(0, start));
    if (!elided && !articles.has(tokens[at - 1]?.word)) return;
    let lead = elided ? at - 1 : at - 2;
    while (between.has(tokens[lead]?.word)) lead--;
    const traded = trades.has(tokens[lead]?.word) && tokens[lead].clause === clause;
    // "le thermostat ne répond plus": what fails is a thing.
    if (!traded && !fails(at + 1)) return;
    const end = start + (/^\p{Ll}+(?:-\p{Ll}+)*/u.exec(raw.slice(start))?.[0].length ?? text.length);
    found.push({ text: raw.slice(start, end), start, end, normal: token.noun });
  });
  return found;
}

/** The end of "de pluie" behind "pantalon": the words that make one thing of two; `end` where there are none. */
export function compoundEnd(raw: string, end: number, domain: CompiledDomain): number {
  const { compound, compoundNot, stopWords, determiners, weekdays, numbers } = domain.language;
  const match = compound?.exec(raw.slice(end, end + 40));
  if (match === undefined || match === null) return end;
  const word = fold(match[1]);
  const other = [compoundNot, stopWords, determiners].some((words) => words.has(word)) || numbers.has(word);
  return other || weekdays.has(word) || domain.isPlace(word) ? end : end + match[0].length;
}
