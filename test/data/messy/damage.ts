/** Files that something happened to on their way: copied together, cut off, converted once too often. Rows were written first. */
import type { MessyFile } from "./texts.ts";

export const damage: readonly MessyFile[] = [
  {
    name: "three files copied into one, each with its mark and header",
    bytes:
      '\ufeffquestion,answer\r\nIs it new?,"Yes, brand new."\r\n\ufeffquestion,answer\r\nIs it blue?,Dark blue.\r\n\ufeffquestion,answer\r\nIs it big?,"No, 9 cm."\r\n',
    rows: [
      ["Is it new?", "Yes, brand new."],
      ["Is it blue?", "Dark blue."],
      ["Is it big?", "No, 9 cm."],
    ],
  },
  {
    name: "two marks at the beginning, and one before a quoted name",
    bytes: '\ufeff\ufeff"question","answer"\n"A, b?","C."\n"D?","E, f."\n',
    rows: [
      ["A, b?", "C."],
      ["D?", "E, f."],
    ],
  },
  {
    name: "UTF-16 files copied into one, a mark in the middle",
    bytes: Buffer.from(
      "\ufeffQuestion\tRéponse\r\nOuvert à Noël ?\tNon, fermé.\r\n\ufeffQuestion\tRéponse\r\nEt à Pâques ?\tOui, le lundi.\r\n",
      "utf16le",
    ),
    rows: [
      ["Ouvert à Noël ?", "Non, fermé."],
      ["Et à Pâques ?", "Oui, le lundi."],
    ],
  },
  {
    name: "a block of NULs at the end, after a crash",
    bytes: `question,answer\nDoes it float?,"Yes, well."\nDoes it sink?,No.\n${"\0".repeat(4096)}`,
    rows: [
      ["Does it float?", "Yes, well."],
      ["Does it sink?", "No."],
    ],
  },
  {
    name: "cut off in the middle of the last question",
    bytes:
      "id;question;réponse;date\n1;Quel est le prix ?;12 €, port compris.;2024-01-02\n2;Et en gros ?;Sur devis.;2024-01-03\n3;Et pour les asso",
    rows: [
      ["Quel est le prix ?", "12 €, port compris."],
      ["Et en gros ?", "Sur devis."],
    ],
  },
  {
    name: "record ends of CR CR LF",
    bytes:
      'question,answer\r\r\nIs it tea?,"Yes, green."\r\r\nIs it hot?,Very.\r\r\nIs it mine?,"Yes, drink."\r\r\n',
    rows: [
      ["Is it tea?", "Yes, green."],
      ["Is it hot?", "Very."],
      ["Is it mine?", "Yes, drink."],
    ],
  },
  {
    name: "database program: vertical tabs for line breaks in cells, CR, no header",
    bytes:
      '"Où est la notice ?","Dans la boîte.\u000bSinon, en ligne."\r"Combien de piles ?","Deux."\r"Quelle taille ?","S, M\u000bou L."\r',
    rows: [
      ["Où est la notice ?", "Dans la boîte.\u000bSinon, en ligne."],
      ["Combien de piles ?", "Deux."],
      ["Quelle taille ?", "S, M\u000bou L."],
    ],
  },
  {
    name: "line and paragraph separators of Unicode inside cells",
    bytes:
      'question,answer\nHow do I fold it?,"Once.\u2028Then again, gently."\nHow do I store it?,Flat.\u2029In the dark.\nHow long?,"A year, or two."\n',
    rows: [
      ["How do I fold it?", "Once.\u2028Then again, gently."],
      ["How do I store it?", "Flat.\u2029In the dark."],
      ["How long?", "A year, or two."],
    ],
  },
  {
    name: "quotes turned into entities by a web form",
    bytes:
      "question;answer\nWhat is &quot;plus&quot;?;It is a plan &amp; more; see &lt;plans&gt;.\nIs &quot;lite&quot; free?;Yes.\nHow big is it?;5&nbsp;GB; not more.\n",
    rows: [
      ["What is &quot;plus&quot;?", "It is a plan &amp; more; see &lt;plans&gt;."],
      ["Is &quot;lite&quot; free?", "Yes."],
      ["How big is it?", "5&nbsp;GB; not more."],
    ],
  },
  {
    name: "files with headers in other words copied into one",
    bytes:
      "question,answer\nIs it new?,Yes.\nprompt,completion\nIs it old?,No.\nQuestion,Réponse\nEst-ce à vous ?,Oui.\n",
    rows: [
      ["Is it new?", "Yes."],
      ["Is it old?", "No."],
      ["Est-ce à vous ?", "Oui."],
    ],
  },
];
