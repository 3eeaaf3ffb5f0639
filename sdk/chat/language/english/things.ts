/** Things, places, actions and troubles in English. Every word is folded. */
import { list } from "../lists.ts";
import { AMBIGUOUS_PLACES, COUNTRIES, PLACES } from "../places.ts";
import type { ThingWords } from "../thingWords.ts";
import { englishTroubleAt } from "./troubles.ts";

export const englishThings = {
  nounsFirst: new Set(list("order orders return returns charge")),
  auxiliaries: new Set(list("is was were been be has have had being are")),
  madeOfVerb: /(?:ments?|tions?|ures?)$/,
  determiners: new Set(
    list("a an the my your his her its our their this that these those some any no every"),
  ),
  tooMuch: new Set(["too"]),
  tooMuchNot: new Set(list("late early good much many bad well funny nice")),
  troubleAt: englishTroubleAt,
  trades: new Set(list("sell buy bought order ordered")),
  articles: new Set(list("a an the some any my")),
  between: new Set(list("you still also any")),
  places: PLACES,
  countries: new Set(COUNTRIES),
  ambiguousPlaces: AMBIGUOUS_PLACES,
  placePrepositions: new Set(list("in to from near")),
} satisfies Partial<ThingWords>;
