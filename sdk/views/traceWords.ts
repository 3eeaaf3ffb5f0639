/**
 * The words of a reasoning as a person reads them, in the terminal and in a page. Stages write names that programs can rely on ("new_topic",
 * "asks for quantity"); a view says them in the domain's language. What is in no list stays as it is.
 */

const FRENCH: Readonly<Record<string, string>> = {
  // What was decided.
  new_topic: "nouveau sujet",
  same_topic: "même sujet",
  refers_to_previous: "renvoie à ce qui précède",
  neutral: "neutre",
  warm: "chaleureux",
  calm: "posé",
  apologetic: "désolé",
  enthusiastic: "enthousiaste",
  short: "court",
  sentence: "une phrase",
  steps: "étapes",
  none: "aucune",
  true: "oui",
  false: "non",
  error: "erreur",
  warning: "remarque",
  window: "fenêtre pleine",
  // Fields.
  relation: "relation",
  reference: "renvoi",
  similarity: "ressemblance",
  earlierTurns: "tours précédents",
  focus: "sujet",
  tone: "ton",
  format: "forme",
  begin: "début",
  clarify: "faire préciser",
  offensive: "offensant",
  offence: "offense",
  asksFor: "demande",
  sentiment: "humeur",
  score: "score",
  messages: "messages",
  reason: "raison",
  retries: "reprises",
  fallback: "réponse de secours",
  // What is named.
  products: "produits",
  actions: "actions",
  concerns: "soucis",
  time_references: "dates",
  order_numbers: "commandes",
  amounts: "montants",
  locations: "lieux",
  // What is wrong with an answer.
  empty: "vide",
  wrong_language: "autre langue",
  wrong_tone: "ton déplacé",
  pads_greeting: "salut délayé",
  repeats: "répétition",
  off_topic: "hors sujet",
  does_not_answer: "ne répond pas",
  contradicts_fact: "contredit un fait",
  contradicts_earlier: "contredit ce qui précède",
  contradicts_itself: "se contredit",
  contradicts_question: "contredit la question",
  changes_number: "autre nombre",
  changes_place: "autre lieu",
  changes_product: "autre produit",
  invents: "inventé",
  // What was seen.
  classifier: "classement",
  model: "modèle",
  courtesy: "politesse",
  greeting: "salutation",
  farewell: "au revoir",
  thanks: "merci",
  theme: "thème",
  insult: "insulte",
  negated: "nié",
  thing: "une chose",
  quantity: "une quantité",
  manner: "une manière",
  place: "un lieu",
  person: "une personne",
  time: "un moment",
  yesno: "oui ou non",
  "continues the turn before": "continue le tour précédent",
  continuation: "suite",
  recall: "rappel",
  "points back": "renvoie en arrière",
  "pronoun without a noun before it": "pronom sans nom avant lui",
  "fragment without a topic": "fragment sans sujet",
  "question word alone": "mot interrogatif seul",
  "nothing named that it is about": "rien de nommé dont il s'agit",
  "names what was answered": "nomme ce qui fut répondu",
  "replies to a question": "répond à une question",
  "fact says otherwise": "le fait dit autre chose",
  "nobody said this": "personne ne l'a dit",
};

/** Beginnings that are followed by another word: of the list, or of the question. */
const FRENCH_BEGINNINGS: readonly (readonly [RegExp, string])[] = [
  [/^asks for /, "demande "],
  [/^asked about /, "question sur "],
  [/^theme /, "thème "],
  [/^sentiment, /, "humeur, "],
];

/**
 * @param language of the domain: "fr", or anything else for English
 * @param name as a stage writes it: one, or several with " · " between them
 */
export function traceWord(language: string | undefined, name: string): string {
  return name
    .split(" · ")
    .map((part) => (language === "fr" ? french(part) : english(part)))
    .join(" · ");
}

function french(name: string): string {
  if (Object.hasOwn(FRENCH, name)) return FRENCH[name];
  const [, kind, rest] = /^(\w+): (.*)$/s.exec(name) ?? [];
  if (kind !== undefined && Object.hasOwn(FRENCH, kind)) return `${FRENCH[kind]} : ${french(rest)}`;
  const beginning = FRENCH_BEGINNINGS.find(([pattern]) => pattern.test(name));
  if (!beginning) return name;
  const [pattern, start] = beginning;
  return start + french(name.replace(pattern, ""));
}

function english(name: string): string {
  // Categories are in capitals, and names of things may hold anything: only our own words are made readable.
  if (!Object.hasOwn(FRENCH, name)) return name;
  return name.replaceAll("_", " ").replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
