/**
 * The languages that a domain can be written in, by the code that its file names. One table a process: a domain file
 * names its language and cannot carry it.
 */
import { english } from "./english/english.ts";
import { french } from "./french/french.ts";
import type { Language } from "./language.ts";

const known = new Map<string, Language>([french, english].map((language) => [language.code, language]));

export const languages: ReadonlyMap<string, Language> = known;

/**
 * Lets domains be written in one more language, from now on and in the whole process.
 *
 * @returns takes it out again; domains in it cannot be read from then on
 * @throws where the code is taken
 */
export function addLanguage(language: Language): () => void {
  const { code } = language;
  if (known.has(code)) {
    const taken = [...known.keys()].join(", ");
    throw new Error(
      `addLanguage: expected a code of its own, got ${JSON.stringify(code)}; ${taken} are there. Choose another code.`,
    );
  }
  known.set(code, language);
  return () => known.delete(code);
}

/** @throws where no language has the code */
export function languageOf(code: string): Language {
  const language = known.get(code);
  if (language !== undefined) return language;
  throw new Error(
    `language ${JSON.stringify(code)}: expected one of ${[...known.keys()].join(", ")}. Add it with addLanguage before its domains are read.`,
  );
}
