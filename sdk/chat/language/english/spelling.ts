/** How English is written, and how customers write it. Every word is folded. */
import { list, plainPlural, table } from "../lists.ts";
import type { SpellingWords } from "../spellingWords.ts";

/** A light stem: plurals, -ing and -ed. */
function stem(word: string): string {
  if (word.length < 4 || /\d/.test(word)) return word;
  let base = word;
  if (base.endsWith("ies") && base.length > 4) return `${base.slice(0, -3)}y`;
  if (base.endsWith("sses")) return base.slice(0, -2);
  if (/(?:[sxz]|[cs]h)es$/.test(base)) return base.slice(0, -2);
  if (base.endsWith("s") && !/(?:ss|us|is)$/.test(base)) base = base.slice(0, -1);
  for (const ending of ["ing", "ed"]) {
    const rest = base.slice(0, -ending.length);
    if (!base.endsWith(ending) || rest.length < 3 || !/[aeiouy]/.test(rest)) continue;
    // "setting" and "set", but "install" keeps both letters.
    return /([bdgmnprt])\1$/.test(rest) ? rest.slice(0, -1) : rest;
  }
  return base.length > 4 && base.endsWith("e") ? base.slice(0, -1) : base;
}

/** Without the plural's ending. */
function singular(word: string): string {
  if (word.length < 4 || /\d/.test(word)) return word;
  if (word.endsWith("ies")) return `${word.slice(0, -3)}y`;
  if (/(?:[sxz]|[cs]h)es$/.test(word)) return word.slice(0, -2);
  return /[^su]s$/.test(word) && !word.endsWith("is") ? word.slice(0, -1) : word;
}

/** Verbs whose n belongs to them, or that change before "n't". */
const NOT_VERBS: Record<string, string> = { can: "can", won: "will" };

export const englishSpelling = {
  stem,
  singular,
  plural: plainPlural,
  // "don't" is "do not".
  readToken: (word, raw, start, end) => {
    if (word.endsWith("n") && /^['’]t\b/.test(raw.slice(end, end + 3)))
      return [NOT_VERBS[word] ?? word.slice(0, -1)];
    return word === "t" && /['’]/.test(raw[start - 1] ?? " ") ? ["not"] : undefined;
  },
  letterWords: new Set(["a"]),
  abbreviations:
    table(`pls please|plz please|thx thanks|ty thanks|thnx thanks|u you|ur your|r are|pw password|
    pwd password|pass password|passwd password|wifi wi fi|wlan wi fi|addr address|acct account|info information|
    asap soon|b4 before|w8 wait|2day today|2moro tomorrow|tmrw tomorrow|dont do not|doesnt does not|cant can not|
    wont will not|isnt is not|didnt did not|couldnt could not|whats what is|wheres where is|hows how is|im i am|
    ive i have|id i would|hw how|hav have|prob problem|pc computer|hdd drive|ssd drive|fw firmware|
    cannot can not|hiya hi|cya goodbye|cu goodbye|gonna going to|wanna want to`),
  stopWords: new Set(
    list(`the a an this that these those my your his her its our their i you he she it we they me him us them of to
      in on at by for with from into about as is are am was were be been being do does did have has had can could
      may might must shall should will would not no so and or but if than then there here what which who whom whose
      when where why how please just really very too also any some all s ll ve re d get got`),
  ),
} satisfies Partial<SpellingWords>;
