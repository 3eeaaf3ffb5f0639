/** English troubles found by the shape of the sentence: "won't start", "keeps dropping". Words are folded. */
import type { LanguageWord } from "../language.ts";
import { list } from "../lists.ts";

const AUXILIARIES = new Set(list("does do did will is"));
const PEOPLE = new Set(list("i you we they he she"));
/** Verbs in which a denial is no trouble of a thing. */
const FAULTLESS = new Set(list("know want need have like see think get a the in on at it matter cost sure"));
const GOES_ON = new Set(list("keeps keep kept stopped stops"));

/** The tokens [at, to) that name a trouble, or undefined. */
export function englishTroubleAt(tokens: readonly LanguageWord[], at: number): number | undefined {
  const [first, second, third] = [tokens[at], tokens[at + 1], tokens[at + 2]];
  if (second === undefined || second.clause !== first.clause) return undefined;
  if (GOES_ON.has(first.word) && /^[a-z]{3,}ing$/.test(second.word)) return at + 2;
  if (!AUXILIARIES.has(first.word) || second.word !== "not" || third === undefined) return undefined;
  if (PEOPLE.has(tokens[at - 1]?.word) || FAULTLESS.has(third.word) || !/^[a-z]{3,}$/.test(third.word))
    return undefined;
  const particle = /^(?:on|up|off)$/.test(tokens[at + 3]?.word ?? "") ? 1 : 0;
  return at + 3 + particle;
}
