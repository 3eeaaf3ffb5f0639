// How people really type: without accents, without capitals, with slips of the finger. Only questions are made
// noisy; the answers stay clean, so that the model reads everything and writes well.

import type { Random } from "../../sdk/data/random.ts";
import type { Language } from "../prose/clean.ts";

const openings: Record<Language, string[]> = {
  fr: [
    "Bonjour, ",
    "Bonjour, ",
    "Bonjour ! ",
    "Bonsoir, ",
    "Salut, ",
    "Excusez-moi, ",
    "Dites, ",
    "Bjr, ",
    "Bonjour madame, ",
    "Pardon, ",
    "Une question : ",
    "Euh, ",
  ],
  en: ["Hello, ", "Hi, ", "Hi! ", "Good morning, ", "Excuse me, ", "Sorry, ", "Quick question: "],
};
const closings: Record<Language, string[]> = {
  fr: [
    " Merci !",
    " Merci d'avance.",
    " Merci.",
    " S'il vous plaît.",
    " svp",
    " C'est urgent.",
    " Je ne trouve pas sur le site.",
  ],
  en: [" Thanks!", " Thank you.", " Please.", " It's urgent.", " I can't find it on the site."],
};
const nextOpenings: Record<Language, string[]> = {
  fr: [
    "Et ",
    "D'accord. ",
    "Merci. ",
    "Ah, et ",
    "Très bien. ",
    "Ok, ",
    "Autre question : ",
    "Parfait. ",
    "Et sinon, ",
  ],
  en: ["And ", "OK. ", "Thanks. ", "Right. ", "One more thing: ", "Great. ", "Also, "],
};

const shortForms: [RegExp, string][] = [
  [/\bs'il vous plaît\b/gi, "svp"],
  [/\bbonjour\b/gi, "bjr"],
  [/\bquand\b/gi, "qd"],
  [/\bpourquoi\b/gi, "pk"],
  [/\bbeaucoup\b/gi, "bcp"],
  [/\brendez-vous\b/gi, "rdv"],
  [/\best-ce que\b/gi, "est ce que"],
  [/\bc'est\b/gi, "c"],
  [/\bplease\b/gi, "pls"],
  [/\byou\b/gi, "u"],
  [/\bqu'est-ce que\b/gi, "keske"],
  [/\bquel\b/gi, "kel"],
];

/** As the rest of a sentence, save for "I" and acronyms. */
export function lowerFirst(text: string): string {
  return /^(?:I\b|[A-Z]{2})/.test(text) ? text : text.charAt(0).toLowerCase() + text.slice(1);
}

/** A politeness before or after. `first` is false in later turns, where one goes on instead of greeting. */
export function dress(question: string, language: Language, first: boolean, random: Random): string {
  const pick = (list: string[]) => list[random.int(list.length)];
  let text = question;
  if (random.next() < (first ? 0.25 : 0.45)) {
    const opening = pick(first ? openings[language] : nextOpenings[language]);
    text = opening + (/[.!:] $/.test(opening) ? text : lowerFirst(text));
  }
  if (random.next() < 0.08) text += pick(closings[language]);
  return text;
}

/** Typing habits, some or none. */
export function mistype(text: string, random: Random): string {
  const habit = random.next();
  if (habit < 0.68) return text;
  if (habit < 0.72) return text.replace(/'/g, "’"); // telephones write the curly apostrophe
  let typed = text;
  if (random.next() < 0.7) typed = typed.toLowerCase();
  if (random.next() < 0.7)
    typed = typed
      .normalize("NFD")
      .replace(/[\u0300-\u036f]/g, "")
      .replace(/œ/g, "oe");
  if (random.next() < 0.5) typed = typed.replace(/ ?([?!.])+$/, random.next() < 0.3 ? "$1$1" : "");
  if (random.next() < 0.25) typed = typed.replace(/'/g, " ");
  if (random.next() < 0.25) {
    const [long, short] = shortForms[random.int(shortForms.length)];
    typed = typed.replace(long, short);
  }
  if (random.next() < 0.3) typed = slip(typed, random);
  return typed;
}

/** One letter doubled, dropped or changed for its neighbour, within a word of four letters or more. */
function slip(text: string, random: Random): string {
  const words = [...text.matchAll(/\p{L}{4,}/gu)];
  if (words.length === 0) return text;
  const { index, 0: word } = words[random.int(words.length)];
  const at = index + 1 + random.int(word.length - 2);
  const kind = random.int(3);
  if (kind === 0) return text.slice(0, at) + text.slice(at + 1);
  if (kind === 1) return text.slice(0, at) + text[at] + text.slice(at);
  return text.slice(0, at) + text[at + 1] + text[at] + text.slice(at + 2);
}
