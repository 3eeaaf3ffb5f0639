/**
 * The words of a reasoning as a person reads them, in the terminal and in a page. Stages write names that programs can
 * rely on ("new_topic", "asks for quantity"); a view says them in a language. What is in no list stays as it is.
 */

/** How a language says them. What is left out is said in plain English. */
export interface TraceNames {
  names?: Readonly<Record<string, string>>;
  /** Beginnings that are followed by another word: of the list, or of the question. */
  beginnings?: readonly (readonly [RegExp, string])[];
  /** Between a kind and what is of it. Default ": ". */
  colon?: string;
}

/** Names that are made readable: categories are in capitals, and names of things may hold anything. */
const OWN: ReadonlySet<string> = new Set([
  "new_topic",
  "same_topic",
  "refers_to_previous",
  "neutral",
  "warm",
  "calm",
  "apologetic",
  "enthusiastic",
  "short",
  "sentence",
  "steps",
  "none",
  "true",
  "false",
  "error",
  "warning",
  "window",
  "relation",
  "reference",
  "similarity",
  "earlierTurns",
  "focus",
  "tone",
  "format",
  "begin",
  "clarify",
  "offensive",
  "offence",
  "asksFor",
  "sentiment",
  "score",
  "messages",
  "reason",
  "retries",
  "fallback",
  "products",
  "actions",
  "concerns",
  "time_references",
  "order_numbers",
  "amounts",
  "locations",
  "empty",
  "wrong_language",
  "wrong_tone",
  "pads_greeting",
  "repeats",
  "off_topic",
  "does_not_answer",
  "contradicts_fact",
  "contradicts_earlier",
  "contradicts_itself",
  "contradicts_question",
  "changes_number",
  "changes_place",
  "changes_product",
  "invents",
  "classifier",
  "model",
  "courtesy",
  "greeting",
  "farewell",
  "thanks",
  "theme",
  "insult",
  "negated",
  "thing",
  "quantity",
  "manner",
  "place",
  "person",
  "time",
  "yesno",
  "continues the turn before",
  "continuation",
  "recall",
  "points back",
  "pronoun without a noun before it",
  "fragment without a topic",
  "question word alone",
  "nothing named that it is about",
  "names what was answered",
  "replies to a question",
  "fact says otherwise",
  "nobody said this",
]);

/** @param name as a stage writes it: one, or several with " · " between them */
export function traceWord(language: TraceNames | undefined, name: string): string {
  return name
    .split(" · ")
    .map((part) => (language?.names ? translated(language, part) : plain(part)))
    .join(" · ");
}

function translated(language: TraceNames, name: string): string {
  const { names = {}, beginnings = [], colon = ": " } = language;
  if (Object.hasOwn(names, name)) return names[name];
  const [, kind, rest] = /^(\w+): (.*)$/s.exec(name) ?? [];
  if (kind !== undefined && Object.hasOwn(names, kind))
    return names[kind] + colon + translated(language, rest);
  const beginning = beginnings.find(([pattern]) => pattern.test(name));
  if (!beginning) return plain(name);
  const [pattern, start] = beginning;
  return start + translated(language, name.replace(pattern, ""));
}

function plain(name: string): string {
  if (!OWN.has(name)) return name;
  return name.replaceAll("_", " ").replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
