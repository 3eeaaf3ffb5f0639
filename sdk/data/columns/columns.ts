/** Finds the columns of question and answer by what their names mean. */
import { answerWords, plainName, questionWords, words } from "./sideWords.ts";

/** Column names, as they stand in the file or as they are asked for. */
export interface ColumnNames {
  instruction: string;
  response: string;
}

/** Places of the two columns. `exact`: the names are the usual ones, word for word. */
export interface ColumnPlaces {
  instruction: number;
  response: number;
  exact: boolean;
}

// The first name that a header holds wins, so the particular ones stand before the vague.
const vagueQuestions = words(
  "problème problem utterance user utilisateur human humain client customer message input entrée entrées ask",
);
const vagueAnswers = words(
  "assistant solution solutions output outputs sortie sorties résultat result bot agent gpt conseiller chosen target rep",
);
const instructionNames = [...questionWords.shown, ...questionWords.further, ...vagueQuestions];
const usualQuestions = new Set(instructionNames);
const responseNames = [...answerWords.shown, ...answerWords.further, ...vagueAnswers];
// With such a word beside it, "question" names something about the question.
const otherWords = new Set(
  words(
    "id ids key clé code no num numéro number date time heure horodatage timestamp category catégorie type theme topic tag tags count " +
      "nb nombre length longueur tokens score note rating lang langue language source url status statut author auteur version " +
      "datum kategorie nummer fecha categoría categoria número",
  ),
);

/** The name says that its column is neither question nor answer: "id", "date of creation". */
export function isOtherName(name: string): boolean {
  return plainName(name)
    .split(" ")
    .some((word) => otherWords.has(word));
}

/**
 * @param header the names in the file
 * @param wanted names asked for; without it the usual ones are tried
 * @returns the places of both columns, or undefined when one is not there or both are the same
 */
export function findColumns(
  header: readonly string[],
  wanted?: Partial<ColumnNames>,
): ColumnPlaces | undefined {
  const names = header.map(plainName);
  const words = namesByWord(names);
  const [question, answer] = [
    place(names, words, header, wanted?.instruction, instructionNames),
    place(names, words, header, wanted?.response, responseNames),
  ];
  if (question.at < 0 && answer.at < 0 && wanted === undefined) return letters(names);
  if (question.at < 0 || answer.at < 0 || question.at === answer.at) return undefined;
  return { instruction: question.at, response: answer.at, exact: question.exact && answer.exact };
}

/** The one side that a header names, word for word, where it does not name the other; vague words ("message") do not count. */
export function namedSide(header: readonly string[]): { side: keyof ColumnNames; at: number } | undefined {
  const names = header.map(plainName);
  const at = (words: { shown: readonly string[]; further: readonly string[] }) =>
    names.findIndex((name) => words.shown.includes(name) || words.further.includes(name));
  const [question, answer] = [at(questionWords), at(answerWords)];
  if (question >= 0 === answer >= 0) return undefined;
  return question >= 0 ? { side: "instruction", at: question } : { side: "response", at: answer };
}

/** Quick: a usual name of the question's column, without accents and marks. */
export function isUsualQuestion(text: string): boolean {
  // A letter at the end is looked for first: short questions have a mark there.
  return text.length <= 16 && text.charCodeAt(text.length - 1) > 64 && usualQuestions.has(text.toLowerCase());
}

/** The place of Alpaca's third column: `input` is what an `instruction` is about, and part of the question. */
export function inputPlace(
  names: readonly string[],
  { instruction, response }: Pick<ColumnPlaces, "instruction" | "response">,
): number | undefined {
  if (plainName(names[instruction]) !== "instruction") return undefined;
  const at = names.findIndex((name) => plainName(name) === "input");
  return at < 0 || at === response ? undefined : at;
}

/** The question of Alpaca's two columns; either may be blank. */
export function withInput(instruction: string, input: string): string {
  if (input.trim() === "") return instruction;
  return instruction.trim() === "" ? input : `${instruction}\n\n${input}`;
}

/** "What is your question for us?" is a name; what has more words is a sentence. */
const MOST_WORDS = 7;

/** For each word the first name that holds it, of names that are short and name no other thing. */
function namesByWord(names: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const [at, name] of names.entries()) {
    const words = name.split(" ");
    if (words.length > MOST_WORDS || words.some((word) => otherWords.has(word))) continue;
    for (const word of words) if (!found.has(word)) found.set(word, at);
  }
  return found;
}

/** "Q" beside "A" or "R"; alone a letter says nothing. */
function letters(names: readonly string[]): ColumnPlaces | undefined {
  const instruction = names.indexOf("q");
  const response = names.findIndex((name) => name === "a" || name === "r");
  return instruction < 0 || response < 0 ? undefined : { instruction, response, exact: false };
}

function place(
  names: readonly string[],
  words: ReadonlyMap<string, number>,
  header: readonly string[],
  wanted: string | undefined,
  usual: readonly string[],
): { at: number; exact: boolean } {
  if (wanted !== undefined) {
    const literal = header.findIndex((name) => name.trim() === wanted.trim());
    return { at: literal >= 0 ? literal : names.indexOf(plainName(wanted)), exact: true };
  }
  const exact = usual.find((name) => names.includes(name));
  if (exact !== undefined) return { at: names.indexOf(exact), exact: true };
  const word = usual.find((name) => name.length > 2 && words.has(name));
  return { at: word === undefined ? -1 : (words.get(word) as number), exact: false };
}

/** For the error message: what would have been found. */
export function describeColumns(wanted?: Partial<ColumnNames>): string {
  const list = (name: string | undefined, usual: readonly string[]) =>
    name === undefined
      ? `one of ${usual.filter((word) => !usual.includes(word.slice(0, -1))).join(", ")} or the same in another language`
      : `"${name}"`;
  const questions = list(wanted?.instruction, [...questionWords.shown, ...vagueQuestions]);
  const answers = list(wanted?.response, [...answerWords.shown, ...vagueAnswers]);
  return `for the instruction ${questions}; for the response ${answers}`;
}

/** Header names made usable as keys: a nameless column is "column 3", a repeated name gets its place too. */
export function uniqueNames(header: readonly string[]): string[] {
  return header.map((name, i) =>
    name === "" ? `column ${i + 1}` : header.indexOf(name) < i ? `${name} (column ${i + 1})` : name,
  );
}
