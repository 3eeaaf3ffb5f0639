/**
 * The things that a domain and its language can name: goods and places by their nouns, actions and concerns by
 * their stems. "livrez" shares a stem with "livre", so verbs and nouns are kept apart.
 */
import type { Domain, EntityWord } from "../domain/domainSchema.ts";
import type { Language } from "../language/language.ts";
import { type AnalysedText, fold, type Token } from "./normalise.ts";
import { PhraseIndex, type PhraseMatch } from "./phrases.ts";

/** An entity of the lexicon with the list that it is in. */
export interface LexiconEntry {
  list: "products" | "productKinds" | "actions" | "concerns" | "locations" | "timeReferences" | "ignore";
  word: EntityWord;
}

type Match = PhraseMatch<LexiconEntry>;

export class Lexicon {
  readonly #language: Language;
  readonly #nouns: PhraseIndex<LexiconEntry>;
  readonly #verbs: PhraseIndex<LexiconEntry>;
  readonly #listed = new Set<string>();
  #last: { tokens: readonly Token[]; found: Match[] } | undefined;

  constructor(domain: Domain, language: Language, analyse: (text: string) => AnalysedText) {
    this.#language = language;
    const { products, productKinds, actions, concerns, locations, timeReferences, ignore } = domain.entities;
    const entries = (list: LexiconEntry["list"], words: readonly EntityWord[]) =>
      words.flatMap((word) =>
        // A concern's normal form names the trouble and is nothing that a customer would type.
        (list === "concerns" ? word.forms : [word.normal, ...word.forms]).map((phrase) => ({
          entry: { list, word },
          phrase,
        })),
      );
    const bare = (normal: string): EntityWord => ({ normal, forms: [] });
    const named = new Set(locations.map(({ normal }) => fold(normal)));
    const places = language.places.filter((place) => !named.has(fold(place))).map(bare);
    this.#nouns = new PhraseIndex(
      [
        ...entries("products", products),
        ...entries("productKinds", productKinds.map(bare)),
        ...entries("locations", [...locations, ...places]),
        ...entries("timeReferences", timeReferences.map(bare)),
        ...entries("ignore", [domain.name, ...ignore].map(bare)),
      ],
      analyse,
      "noun",
      true,
    );
    const denied = <E extends { phrase: string }>(entry: E) =>
      language.denials(entry.phrase).map((phrase) => ({ ...entry, phrase }));
    this.#verbs = new PhraseIndex(
      [...entries("actions", actions), ...entries("concerns", concerns).flatMap(denied)],
      analyse,
      "stem",
      true,
    );
    for (const { normal, forms } of actions)
      for (const form of [normal, ...forms]) this.#listed.add(fold(form));
  }

  /** All things named, from left to right, without overlaps; the longer one wins at the same place. */
  find(tokens: readonly Token[]): Match[] {
    // Three stages ask about the same text.
    if (this.#last?.tokens === tokens) return this.#last.found;
    const found: Match[] = [];
    for (let at = 0; at < tokens.length; ) {
      const match = this.#at(tokens, at);
      if (match !== undefined && match.entry.list !== "ignore") found.push(match);
      at = match?.to ?? at + 1;
    }
    this.#last = { tokens, found };
    return found;
  }

  #at(tokens: readonly Token[], at: number): Match | undefined {
    let noun = this.#nouns.at(tokens, at);
    let verb = this.#verbs.at(tokens, at);
    if (verb?.entry.list === "actions" && !this.#isAction(tokens, verb)) verb = undefined;
    // "pourriez" has the stem of "pourri".
    if (verb !== undefined && verb.to - at === 1 && this.#isGrammar(tokens[at], verb)) verb = undefined;
    verb ??= this.#tooMuch(tokens, at) ?? this.#trouble(tokens, at);
    if (noun !== undefined && !this.#isNoun(tokens, noun, verb !== undefined)) noun = undefined;
    // "l'appli plante": behind another noun it is the verb.
    const before = tokens[at - 1];
    const { nounLinks, determiners } = this.#language;
    const free =
      before?.clause === tokens[at].clause && !nounLinks.has(before.word) && !determiners.has(before.word);
    if (noun?.to === at + 1 && verb?.entry.list === "concerns" && free) return verb;
    if (noun === undefined || (verb !== undefined && verb.to > noun.to)) return verb;
    return noun;
  }

  /** "livré" is no "livre", "je tours" no town, "en tours" neither unless Tours was meant. */
  #isNoun(tokens: readonly Token[], { entry, phrase, from, to }: Match, mayBeVerb: boolean): boolean {
    if (entry.list === "ignore" || to - from > 1) return true;
    const { text, word } = tokens[from];
    const before = tokens[from - 1]?.word;
    const { participle, subjects, auxiliaries, ambiguousPlaces, placePrepositions } = this.#language;
    if (participle?.test(text) && !participle.test(phrase)) return false;
    if (subjects.has(before)) return false;
    if (mayBeVerb && auxiliaries.has(before)) return false;
    if (entry.list !== "locations") return true;
    if (fold(phrase) !== word) return false;
    if (!ambiguousPlaces.has(word)) return true;
    return /^\p{Lu}/u.test(text) ? from > 0 : placePrepositions.has(before);
  }

  /** "trop petit": whatever is too much of something troubles. */
  #tooMuch(tokens: readonly Token[], at: number): Match | undefined {
    const { tooMuch, tooMuchNot } = this.#language;
    const next = tokens[at + 1]?.word;
    if (
      next === undefined ||
      !tooMuch.has(tokens[at].word) ||
      tooMuchNot.has(next) ||
      this.#language.stopWords.has(next) ||
      !/^[a-z]{3,}$/.test(next)
    )
      return undefined;
    const word: EntityWord = { normal: `${tokens[at].word} ${next}`, forms: [] };
    return { entry: { list: "concerns", word }, phrase: word.normal, from: at, to: at + 2 };
  }

  #isGrammar({ word }: Token, { phrase }: Match): boolean {
    return this.#language.stopWords.has(word) && fold(phrase) !== word;
  }

  /** What the language sees to be a trouble by the shape of the sentence. */
  #trouble(tokens: readonly Token[], at: number): Match | undefined {
    const isThing = (index: number) =>
      index >= 0 &&
      [index - 2, index - 1, index].some((from) => {
        const noun = from >= 0 ? this.#nouns.at(tokens, from) : undefined;
        return noun !== undefined && noun.to === index + 1 && /^product/.test(noun.entry.list);
      });
    const to = this.#language.troubleAt?.(tokens, at, isThing);
    if (to === undefined) return undefined;
    const phrase = tokens.slice(at, to).map(({ word }) => word);
    const word: EntityWord = { normal: phrase.join(" "), forms: [] };
    return { entry: { list: "concerns", word }, phrase: word.normal, from: at, to };
  }

  /** Whether a word that shares its stem with an action is used as a verb, or is a noun that the domain lists. */
  #isAction(tokens: readonly Token[], { from, to }: Match): boolean {
    if (to - from > 1) return true;
    const { word, noun, text } = tokens[from];
    if (text.length < 4) return false;
    const own = this.#language;
    const { auxiliaries, determiners, madeOfVerb, nounsAlways, nounsFirst, subjects } = own;
    const [before, further] = [tokens[from - 1]?.word ?? "", tokens[from - 2]?.word ?? ""];
    if (own.reflexives.has(before) && own.ownDoing?.test(word)) return false;
    const participle = own.participle?.test(text) || auxiliaries.has(before);
    const made = madeOfVerb?.test(word) ?? false;
    if (participle && !made) return true;
    if (nounsFirst.has(word))
      return this.#listed.has(noun) && !nounsAlways.has(word)
        ? true
        : subjects.has(before) || subjects.has(further);
    if (made) return this.#listed.has(word) || this.#listed.has(noun);
    // "le renvoyer" has a pronoun before it, "un conseiller" an article.
    if (!determiners.has(before) || own.isObjectPronounAt?.(tokens, from - 1)) return true;
    return this.#listed.has(noun) && !own.verbEnding?.test(word);
  }
}
