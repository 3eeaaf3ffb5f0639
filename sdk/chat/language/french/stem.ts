/** What French words share without their endings. Words are folded. */
import { list } from "../lists.ts";

const VERB_ENDINGS = list(
  `issements issement issons issez issent issais issait eraient erions erait erais erons eront erez eras erai
   era ements ement aient antes ants ante ant ees ee es er ez ais ait ent ons e`,
).sort((a, b) => b.length - a.length);

/** A light stem: enough for plurals, genders and the conjugations of regular verbs. */
export function stem(word: string): string {
  if (word.length < 4 || /\d/.test(word)) return word;
  // "envoie" and "envoyer", "rayées" and "rayé" are forms of one word.
  const bare = bareStem(word.endsWith("ees") ? word.slice(0, -1) : word);
  return bare.endsWith("y") ? `${bare.slice(0, -1)}i` : bare;
}

function bareStem(word: string): string {
  if (word.endsWith("eaux")) return word.slice(0, -1);
  if (word.endsWith("aux") && word.length > 4) return `${word.slice(0, -3)}al`;
  for (const ending of VERB_ENDINGS) {
    // Three letters must be left, four where the ending is long, so that "client" stays whole.
    const least = ending.length >= 3 ? 4 : 3;
    if (word.endsWith(ending) && word.length - ending.length >= least)
      return word.slice(0, word.length - ending.length);
  }
  return word.length > 4 && /[sx]$/.test(word) ? word.slice(0, -1) : word;
}

/** Without the plural's ending. */
export function singular(word: string): string {
  if (word.length < 4 || /\d/.test(word)) return word;
  if (/(?:eau|eu|ou)x$/.test(word)) return word.slice(0, -1);
  if (word.endsWith("aux") && word.length > 5) return `${word.slice(0, -3)}al`;
  return /[^s]s$/.test(word) ? word.slice(0, -1) : word;
}
