/** Files whose table has something around it, or whose columns are others than two: preambles, headers, other tables. */
import { csv, english, french, type MessyFile } from "./texts.ts";

const header = ["question", "réponse"];
const swapped = ([q, a]: readonly [string, string]) => [a, q];
const numbered = (pairs: typeof french) =>
  pairs.map(([q, a], i) => [
    String(i + 1),
    ["livraison", "compte", "paiement"][i % 3],
    q,
    a,
    `2024-03-${10 + i}`,
  ]);

export const tables: readonly MessyFile[] = [
  { name: "response first", bytes: csv([["réponse", "question"], ...french.map(swapped)]), rows: french },
  {
    name: "output before input",
    bytes: csv([["output", "input"], ...english.map(swapped)], { delimiter: ";" }),
    rows: english,
  },
  {
    name: "id, category and date",
    bytes: csv([["id", "catégorie", "question", "réponse", "date"], ...numbered(french)], { delimiter: ";" }),
    rows: french,
  },
  { name: "Q and R", bytes: csv([["Q", "R"], ...french]), rows: french },
  {
    name: "Q and A, numbered",
    bytes: csv([["#", "Q", "A"], ...english.map(([q, a], i) => [String(i + 1), q, a])]),
    rows: english,
  },
  {
    name: "longer names",
    bytes: csv(
      [
        ["Date", "Question du client", "Réponse du conseiller"],
        ...french.map(([q, a], i) => [`0${i + 1}/02/2024`, q, a]),
      ],
      { delimiter: ";" },
    ),
    rows: french,
  },
  {
    name: "snake case names",
    bytes: csv([
      ["ticket_id", "customer_question", "agent_answer", "lang"],
      ...english.map(([q, a], i) => [`T-${100 + i}`, q, a, "en"]),
    ]),
    rows: english,
  },
  {
    name: "user and assistant, capitals and blanks",
    bytes: csv([[" USER ", " Assistant "], ...english]),
    rows: english,
  },
  {
    name: "demande and réponse, decomposed accents",
    bytes: csv([["Demande", "Réponse".normalize("NFD")], ...french]),
    rows: french,
  },
  { name: "names with colons and quotes", bytes: `"Question :","Réponse :"\n${csv(french)}`, rows: french },
  { name: "no header", bytes: csv(english), rows: english },
  { name: "no header, semicolons, French", bytes: csv(french, { delimiter: ";" }), rows: french },
  { name: "no header, id and category and date", bytes: csv(numbered(french)), rows: french },
  { name: "no header, response first", bytes: csv(french.map(swapped)), rows: french },
  { name: "unknown names", bytes: csv([["Anfrage", "Auskunft"], ...english]), rows: english },
  {
    name: "row names without a header",
    bytes: csv([["question", "answer"], ...english.map(([q, a], i) => [String(i + 1), q, a])]),
    rows: english,
  },
  {
    name: "nameless index",
    bytes: csv([["", "question", "answer"], ...english.map(([q, a], i) => [String(i), q, a])]),
    rows: english,
  },
  {
    name: "preamble",
    bytes: `Export FAQ du 12/03/2024\nSource : outil interne, version 3\n\n${csv([header, ...french])}`,
    rows: french,
  },
  {
    name: "preamble of full width",
    bytes: `FAQ boutique;;\nExporté le 12/03/2024;;\n;;\n${csv([["id", ...header], ...french.map(([q, a], i) => [String(i + 1), q, a])], { delimiter: ";" })}`,
    rows: french,
  },
  {
    name: "preamble right above the header",
    bytes: `Foire aux questions\n${csv([header, ...french], { delimiter: ";" })}`,
    rows: french,
  },
  {
    name: "comment lines",
    bytes: `# Export, do not edit\n# version: 2\n${csv([["instruction", "response"], ...english.slice(0, 4)])}# the rest, checked by Ann\n${csv(english.slice(4))}`,
    rows: english,
  },
  {
    name: "comments with slashes",
    bytes: `// generated, 2024\n${csv([["instruction", "response"], ...english])}`,
    rows: english,
  },
  {
    name: "two header records",
    bytes: csv([
      ["Client", "Support", "Méta"],
      ["question", "réponse", "date"],
      ...french.map(([q, a]) => [q, a, "2024-01-02"]),
    ]),
    rows: french,
  },
  {
    name: "header in two languages",
    bytes: csv([["question", "réponse"], ["prompt", "completion"], ...french]),
    rows: french,
  },
  {
    name: "merged title above the header",
    bytes: csv([["FAQ", ""], header, ...french], { delimiter: ";" }),
    rows: french,
  },
  {
    name: "repeated header",
    bytes: csv([header, ...french.slice(0, 3), header, ...french.slice(3, 6), header, ...french.slice(6)]),
    rows: french,
  },
  {
    name: "repeated header after a blank line",
    bytes: `${csv([header, ...french.slice(0, 3)])}\n${csv([header, ...french.slice(3)])}`,
    rows: french,
  },
  {
    name: "second table of another width",
    bytes: `${csv([header, ...french])}\n${csv([
      ["produit", "prix", "stock"],
      ["grille-pain", "29.90", "12"],
      ["bouilloire", "19.90", "3"],
    ])}`,
    rows: french,
  },
  {
    name: "second table of the same width",
    bytes: `${csv([header, ...french], { delimiter: ";" })}\n${csv(
      [
        ["Produit", "Prix"],
        ["Grille-pain", "29,90"],
        ["Bouilloire", "19,90"],
      ],
      { delimiter: ";" },
    )}`,
    rows: french,
  },
  {
    name: "second table with a title",
    bytes: `${csv([header, ...french])}\nTableau 2 : tarifs\n${csv([
      ["produit", "prix", "stock"],
      ["grille-pain", "29.90", "12"],
      ["bouilloire", "19.90", "3"],
    ])}`,
    rows: french,
  },
  {
    name: "trailing separators",
    bytes: `question,réponse,\n${french.map((pair) => `${csv([pair]).trimEnd()},\n`).join("")}`,
    rows: french,
  },
  {
    name: "trailing separators in the rows only",
    bytes: `question;réponse\n${french.map((pair) => `${csv([pair], { delimiter: ";" }).trimEnd()};;\n`).join("")}`,
    rows: french,
  },
  {
    name: "footer",
    bytes: `${csv([["id", ...header], ...french.map(([q, a], i) => [String(i + 1), q, a])])}\nTotal : 8 lignes\n`,
    rows: french,
  },
  {
    name: "Markdown table",
    bytes: `| question | answer |\n|---|---|\n${english.map(([q, a]) => `| ${q} | ${a} |\n`).join("")}`,
    rows: english,
  },
  {
    name: "empty columns",
    bytes: csv([["", "question", "", "réponse", ""], ...french.map(([q, a]) => ["", q, "", a, ""])], {
      delimiter: ";",
    }),
    rows: french,
  },
  {
    name: "the same name twice",
    bytes: csv([
      ["question", "réponse", "note", "note"],
      ...french.map(([q, a], i) => [q, a, String(i), "x"]),
    ]),
    rows: french,
  },
];
