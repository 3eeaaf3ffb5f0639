/** Files whose records are whole: encodings, delimiters, quotes, escapes, record ends. */
import {
  cell,
  cp1252,
  csv,
  decodedTwice,
  english,
  french,
  type MessyFile,
  type Pair,
  quoted,
} from "./texts.ts";

const fr: (readonly string[])[] = [["question", "réponse"], ...french];
const en: (readonly string[])[] = [["instruction", "response"], ...english];
const nested: readonly Pair[] = [
  ['Que veut dire "solde" ?', 'Un "solde" est ce qui reste à payer.'],
  ["Comment dit-on 'merci' ?", "On dit 'thank you', ou \"thanks\"."],
  ["Quelle taille d'écran ?", 'Un écran de 24", mat.'],
];
const markup: readonly Pair[] = [
  ["How do I embed it?", '<a href="https://x.example/a,b">link</a>, then <br/> a line.'],
  ["Which JSON does the API take?", '{"name": "Ann", "tags": ["a", "b"], "n": 3}'],
  ["Which formula sums a column?", "=SUM(A1:A9)"],
  ["How do I write a list?", "First:\n- one\n- two, or three\n\nDone."],
];

export const writing: readonly MessyFile[] = [
  { name: "plain", bytes: csv(en), rows: english },
  { name: "UTF-8 with byte order mark, CRLF", bytes: `\ufeff${csv(fr, { end: "\r\n" })}`, rows: french },
  {
    name: "French Excel: Windows-1252, semicolons, CRLF",
    bytes: cp1252(csv(fr, { delimiter: ";", end: "\r\n" })),
    rows: french,
  },
  { name: "Latin-1 with commas", bytes: cp1252(csv(fr)), rows: french },
  {
    name: "UTF-16 LE with mark and tabs, as Excel's Unicode text",
    bytes: Buffer.from(`\ufeff${csv(fr, { delimiter: "\t", end: "\r\n" })}`, "utf16le"),
    rows: french,
  },
  { name: "UTF-16 BE with mark", bytes: Buffer.from(`\ufeff${csv(fr)}`, "utf16le").swap16(), rows: french },
  {
    name: "UTF-16 LE without mark",
    bytes: Buffer.from(csv(en, { delimiter: ";" }), "utf16le"),
    rows: english,
  },
  { name: "UTF-8 decoded twice", bytes: decodedTwice(csv(fr)), rows: french },
  {
    name: "UTF-8 decoded twice, with semicolons and mark",
    bytes: `\ufeff${decodedTwice(csv(fr, { delimiter: ";" }))}`,
    rows: french,
  },
  {
    name: "some rows decoded twice",
    bytes: csv([fr[0], ...french.map((pair, i) => (i % 3 === 1 ? pair.map(decodedTwice) : pair))]),
    rows: french,
  },
  {
    name: "UTF-8 with a few lines of Windows-1252",
    bytes: Buffer.concat(
      fr.map((pair, i) => (i === 3 || i === 6 ? cp1252(csv([pair])) : Buffer.from(csv([pair])))),
    ),
    rows: french,
  },
  {
    name: "sep= line with semicolons",
    bytes: `sep=;\r\n${csv(fr, { delimiter: ";", end: "\r\n" })}`,
    rows: french,
  },
  {
    name: "sep= line with tabs and mark",
    bytes: `\ufeffsep=\t\n${csv(en, { delimiter: "\t" })}`,
    rows: english,
  },
  { name: "tabs", bytes: csv(en, { delimiter: "\t" }), rows: english },
  { name: "pipes", bytes: csv(en, { delimiter: "|" }), rows: english },
  {
    name: "pipes with blanks around",
    bytes: en.map((pair) => `${pair.join(" | ")}\n`).join(""),
    rows: english,
  },
  {
    name: "comma and blank",
    bytes: en.map((pair) => `${pair.map((text) => quoted(text)).join(", ")}\n`).join(""),
    rows: english,
  },
  {
    name: "comma and blank, some without quotes",
    bytes: en.map((pair) => `${pair.map((text) => cell(text)).join(", ")}\n`).join(""),
    rows: english,
  },
  { name: "all quoted", bytes: csv(fr, { write: (text) => quoted(text) }), rows: french },
  { name: "single quotes", bytes: csv(en, { write: (text) => quoted(text, "'") }), rows: english },
  {
    name: "single quotes, apostrophes not doubled",
    bytes: csv(fr, { write: (text) => `'${text}'` }),
    rows: french,
  },
  { name: "typographic quotes", bytes: csv(en, { write: (text) => `“${text}”` }), rows: english },
  {
    name: "typographic quotes, both closing",
    bytes: csv(en, { write: (text) => `”${text}”` }),
    rows: english,
  },
  {
    name: "backslash escapes",
    bytes: csv([["question", "réponse"], ...nested], { write: (text) => `"${text.replaceAll('"', '\\"')}"` }),
    rows: nested,
  },
  {
    name: "backslash before delimiters, no quotes",
    bytes: `question,réponse\n${french.map((pair) => pair.map((text) => text.replaceAll(",", "\\,")).join(",")).join("\n")}\n`,
    rows: french,
  },
  { name: "doubled quotes inside", bytes: csv([["question", "réponse"], ...nested]), rows: nested },
  { name: "CR only", bytes: csv(fr, { end: "\r" }), rows: french },
  {
    name: "mixed record ends",
    bytes: en
      .map((pair, i) => pair.map((text) => cell(text)).join(",") + ["\n", "\r\n", "\r"][i % 3])
      .join(""),
    rows: english,
  },
  {
    name: "HTML, JSON, formulas and lists in cells",
    bytes: csv([["prompt", "completion"], ...markup]),
    rows: markup,
  },
  {
    name: "HTML, JSON and lists with semicolons, all quoted",
    bytes: csv([["Prompt", "Completion"], ...markup], { delimiter: ";", write: (text) => quoted(text) }),
    rows: markup,
  },
  {
    name: "tabs inside cells of a comma file",
    bytes: csv([["user", "assistant"], ...english.map(([q, a]) => [q, a.replaceAll(", ", ",\t")])]),
    rows: english.map(([q, a]) => [q, a.replaceAll(", ", ",\t")]),
  },
  { name: "no record end at the end", bytes: csv(en).trimEnd(), rows: english },
  {
    name: "blank lines between and at the end",
    bytes: `\n\n${en.map((pair) => csv([pair])).join("\n")}\n\n\n`,
    rows: english,
  },
  { name: "caret", bytes: csv(en, { delimiter: "^" }), rows: english },
  { name: "two rows only", bytes: csv(fr.slice(0, 3), { delimiter: ";" }), rows: french.slice(0, 2) },
  {
    name: "semicolons, with more commas than semicolons",
    bytes: csv(
      [
        ["Demande", "Réponse"],
        ["Un, deux, trois, partez", "Quatre, cinq, six"],
        ["Rouge, vert", "Bleu, jaune"],
        ["A, b, c", "D, e, f"],
      ],
      { delimiter: ";" },
    ),
    rows: [
      ["Un, deux, trois, partez", "Quatre, cinq, six"],
      ["Rouge, vert", "Bleu, jaune"],
      ["A, b, c", "D, e, f"],
    ],
  },
];
