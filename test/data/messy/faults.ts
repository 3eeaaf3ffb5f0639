/** Files with faulty records: delimiters, quotes, newlines, lengths, marks that do not belong there. */
import { csv, english, french, type MessyFile, type Pair } from "./texts.ts";

const head = "question,réponse\n";
const raw = (pair: readonly string[], delimiter = ",") => `${pair.join(delimiter)}\n`;
const dialogue: readonly Pair[] = [
  ["Que répond le vendeur ?", 'Il dit "oui", puis "merci".'],
  ["Quel est le titre ?", '"Le Grand Livre" de Jean, paru en 1999.'],
  ["Et la fin ?", 'Elle est ouverte, dit "l\'auteur"'],
  ["Qui parle ?", "Personne, je crois."],
];
const paragraphs: readonly Pair[] = [
  ["Comment monter le meuble ?", "Posez le fond,\npuis vissez les côtés\net fixez la porte."],
  ["Quels outils faut-il ?", "Un tournevis cruciforme et un niveau."],
  ["Combien de temps faut-il ?", "Comptez une heure à deux,\nun peu plus si vous êtes seul."],
  ["Où trouver les vis ?", "Dans le sachet bleu."],
];

export const faults: readonly MessyFile[] = [
  {
    name: "commas in answers without quotes",
    bytes: `instruction,response\n${english.map((pair) => raw(pair)).join("")}`,
    rows: english,
  },
  {
    name: "commas in French answers without quotes",
    bytes: head + french.map((pair) => raw(pair)).join(""),
    rows: french,
  },
  {
    name: "commas in answers without quotes, and no header",
    bytes:
      "Comment payer ?,Par carte, virement ou chèque.\nLivrez-vous en Belgique ?,Oui, sous 5 jours, pour 7,90 €.\nOù êtes-vous ?,À Lyon.\nQuels horaires ?,9 h à 18 h, sauf dimanche\n",
    rows: [
      ["Comment payer ?", "Par carte, virement ou chèque."],
      ["Livrez-vous en Belgique ?", "Oui, sous 5 jours, pour 7,90 €."],
      ["Où êtes-vous ?", "À Lyon."],
      ["Quels horaires ?", "9 h à 18 h, sauf dimanche"],
    ],
  },
  {
    name: "commas in questions and answers without quotes",
    bytes: `instruction,response\nHello, can you help me?,Sure, what is it?\nOne, two or three?,Three, I think.\nAre you, by chance, open?,Yes, until six.\nWhere?,Here, there, everywhere.\n`,
    rows: [
      ["Hello, can you help me?", "Sure, what is it?"],
      ["One, two or three?", "Three, I think."],
      ["Are you, by chance, open?", "Yes, until six."],
      ["Where?", "Here, there, everywhere."],
    ],
  },
  {
    name: "semicolons in French answers without quotes",
    bytes: `question;réponse\n${french.map((pair) => raw(pair, ";")).join("")}`,
    rows: french,
  },
  {
    name: "unquoted commas between id and category",
    bytes: `id,question,réponse,catégorie\n${french.map(([q, a], i) => raw([String(i + 1), q, a, "client"])).join("")}`,
    rows: french,
  },
  {
    name: "inner quotes not doubled",
    bytes: head + dialogue.map((pair) => `"${pair[0]}","${pair[1]}"\n`).join(""),
    rows: dialogue,
  },
  {
    name: "inner quotes not doubled, semicolons",
    bytes: `question;réponse\n${dialogue.map((pair) => `"${pair[0]}";"${pair[1]}"\n`).join("")}`,
    rows: dialogue,
  },
  {
    name: "a quote never closed, at the end of an answer",
    bytes: `${head}"${french[0].join('","')}"\n"${french[1][0]}","${french[1][1]}\n${french
      .slice(2)
      .map((pair) => `"${pair.join('","')}"\n`)
      .join("")}`,
    rows: french,
  },
  {
    name: "a quote never closed, others unquoted",
    bytes: `instruction,response\nWhere is my invoice?,"Under Account\nDo you ship to Ireland?,We do.\nHow long is the warranty?,Two years.\n`,
    rows: [
      ["Where is my invoice?", "Under Account"],
      ["Do you ship to Ireland?", "We do."],
      ["How long is the warranty?", "Two years."],
    ],
  },
  {
    name: "a quote never closed, in a question",
    bytes: `instruction,response\n"Where is my invoice?,Under Account.\n"Do you ship, too?","We do, yes."\nHow long?,Two years.\n`,
    rows: [
      ["Where is my invoice?", "Under Account."],
      ["Do you ship, too?", "We do, yes."],
      ["How long?", "Two years."],
    ],
  },
  {
    name: "a quote never closed in the last record",
    bytes: `${csv([["instruction", "response"], ...english.slice(0, 3)])}Who are you?,"The shop\n`,
    rows: [...english.slice(0, 3), ["Who are you?", "The shop"]],
  },
  {
    name: "a quote never opened",
    bytes: `instruction,response\nWhere is my invoice?,Under Account."\n${csv(english.slice(2, 5))}`,
    rows: [["Where is my invoice?", "Under Account."], ...english.slice(2, 5)],
  },
  {
    name: "newlines without quotes",
    bytes: `question;réponse\n${paragraphs.map((pair) => raw(pair, ";")).join("")}`,
    rows: paragraphs,
  },
  {
    name: "newlines without quotes, with an id",
    bytes: `id;question;réponse;auteur\n${paragraphs.map(([q, a], i) => raw([String(i + 1), q, a, "Luc"], ";")).join("")}`,
    rows: paragraphs,
  },
  {
    name: "newline without quotes in a question",
    bytes: `id,question,réponse\n1,Bonjour\ncomment faire un retour ?,Suivez le lien.\n2,Et les frais ?,Ils sont offerts.\n3,Sous combien de jours ?,Sous trente jours.\n`,
    rows: [
      ["Bonjour\ncomment faire un retour ?", "Suivez le lien."],
      ["Et les frais ?", "Ils sont offerts."],
      ["Sous combien de jours ?", "Sous trente jours."],
    ],
  },
  {
    name: "rows without an answer",
    bytes: `${head}Où êtes-vous ?,À Lyon.\nEt le dimanche ?\nQuand ?,Demain.\n,Personne ne demande.\nPourquoi ?,\nQui ?,Luc.\n`,
    rows: [
      ["Où êtes-vous ?", "À Lyon."],
      ["Quand ?", "Demain."],
      ["Qui ?", "Luc."],
    ],
  },
  {
    name: "missing last cells",
    bytes: `question,réponse,catégorie,auteur\nOù êtes-vous ?,À Lyon.\nQuand ?,Demain.,temps\nQui ?,Luc.,gens,Ann\nComment ?,À pied.,trajet,Bob\n`,
    rows: [
      ["Où êtes-vous ?", "À Lyon."],
      ["Quand ?", "Demain."],
      ["Qui ?", "Luc."],
      ["Comment ?", "À pied."],
    ],
  },
  {
    name: "surplus separators",
    bytes: `id,question,réponse\n1,Où êtes-vous ?,À Lyon.\n2,,Quand ?,Demain.\n3,Qui ?,Luc.\n4,Comment ?,,À pied.\n5,Pourquoi ?,Parce que.\n`,
    rows: [
      ["Où êtes-vous ?", "À Lyon."],
      ["Quand ?", "Demain."],
      ["Qui ?", "Luc."],
      ["Comment ?", "À pied."],
      ["Pourquoi ?", "Parce que."],
    ],
  },
  {
    name: "missing separators between quotes",
    bytes: `question,réponse\n"Où êtes-vous ?","À Lyon."\n"Quand ?""Demain."\n"Qui ?","Luc."\n"Comment ?" "À pied."\n`,
    rows: [
      ["Où êtes-vous ?", "À Lyon."],
      ["Quand ?", "Demain."],
      ["Qui ?", "Luc."],
      ["Comment ?", "À pied."],
    ],
  },
  {
    name: "a missing separator after the id",
    bytes: `id,question,answer\n101,Where are you?,In Lyon.\n102When?,Tomorrow.\n103,Who?,Luc.\n104,How?,On foot.\n`,
    rows: [
      ["Where are you?", "In Lyon."],
      ["When?", "Tomorrow."],
      ["Who?", "Luc."],
      ["How?", "On foot."],
    ],
  },
  {
    name: "some rows with semicolons in a comma file",
    bytes: `question,réponse\nOù êtes-vous ?,À Lyon.\nQuand ?;Demain.\nQui ?,Luc.\nComment ?;À pied.\nPourquoi ?,Parce que.\n`,
    rows: [
      ["Où êtes-vous ?", "À Lyon."],
      ["Quand ?", "Demain."],
      ["Qui ?", "Luc."],
      ["Comment ?", "À pied."],
      ["Pourquoi ?", "Parce que."],
    ],
  },
  {
    name: "some rows with tabs in a semicolon file",
    bytes: `question;réponse\nOù êtes-vous ?;À Lyon.\nQuand ?\tDemain.\nQui ?;Luc.\nComment ?;À pied.\n`,
    rows: [
      ["Où êtes-vous ?", "À Lyon."],
      ["Quand ?", "Demain."],
      ["Qui ?", "Luc."],
      ["Comment ?", "À pied."],
    ],
  },
  {
    name: "NUL bytes",
    bytes: `question,réponse\nOù êtes\0-vous ?,À Lyon.\n\0Quand ?,Demain.\0\nQui ?,"Luc, je\0 crois."\n`,
    rows: [
      ["Où êtes-vous ?", "À Lyon."],
      ["Quand ?", "Demain."],
      ["Qui ?", "Luc, je crois."],
    ],
  },
  {
    name: "padding",
    bytes: `  question  ,  réponse  \n  Où êtes-vous ?  ,  À Lyon.  \n"  Quand ?  "  ,  "Demain, ou après."  \n\tQui ?\t,\tLuc.\t\n`,
    rows: [
      ["Où êtes-vous ?", "À Lyon."],
      ["Quand ?", "Demain, ou après."],
      ["Qui ?", "Luc."],
    ],
  },
  {
    name: "padding with no-break spaces",
    bytes: `question;réponse\n\u00a0Où êtes-vous ?\u00a0;\u00a0À Lyon.\nQuand ?;Demain.\u00a0\n`,
    rows: [
      ["Où êtes-vous ?", "À Lyon."],
      ["Quand ?", "Demain."],
    ],
  },
  {
    name: "whole records in quotes",
    bytes: `"instruction,response"\n${english.map(([q, a]) => `"${q},""${a}"""\n`).join("")}`,
    rows: english,
  },
  {
    name: "inches and apostrophes",
    bytes: `instruction,response\nHow wide is it?,It is 24" wide.\nIs it 10" or 12"?,"It's 12"", I'd say."\nWhose is it?,It's the dogs'.\n`,
    rows: [
      ["How wide is it?", 'It is 24" wide.'],
      ['Is it 10" or 12"?', "It's 12\", I'd say."],
      ["Whose is it?", "It's the dogs'."],
    ],
  },
  {
    name: "HTML attributes in quotes not doubled",
    bytes: `prompt,completion\n"How do I link?","Use <a href="https://x.example">text</a>, please."\n"How do I bold?","Write <b class="x">bold</b>."\n"Why?","Because."\n`,
    rows: [
      ["How do I link?", 'Use <a href="https://x.example">text</a>, please.'],
      ["How do I bold?", 'Write <b class="x">bold</b>.'],
      ["Why?", "Because."],
    ],
  },
  {
    name: "JSON in quotes not doubled",
    bytes: `prompt;completion\n"Which body?";"{"a": 1, "b": [2, 3]}"\n"Which key?";"{"key": "x"}"\n"Why?";"Because."\n`,
    rows: [
      ["Which body?", '{"a": 1, "b": [2, 3]}'],
      ["Which key?", '{"key": "x"}'],
      ["Why?", "Because."],
    ],
  },
  {
    name: "JSON without quotes in a comma file",
    bytes: `prompt,completion\nWhich body?,{"a": 1, "b": [2, 3]}\nWhich key?,{"key": "x"}\nWhy?,Because.\n`,
    rows: [
      ["Which body?", '{"a": 1, "b": [2, 3]}'],
      ["Which key?", '{"key": "x"}'],
      ["Why?", "Because."],
    ],
  },
  {
    name: "spaces before opening quotes",
    bytes: `instruction,response\n"Where, exactly?" , "Here, there."\n "When?", "Soon, I hope."\n`,
    rows: [
      ["Where, exactly?", "Here, there."],
      ["When?", "Soon, I hope."],
    ],
  },
  {
    name: "duplicates are kept",
    bytes: csv([["question", "réponse"], french[0], french[1], french[0]]),
    rows: [french[0], french[1], french[0]],
  },
  {
    name: "many faults at once",
    bytes: `\ufeffExport du 3 mai;;\r\n\r\nid;question;réponse\r\n1;Où êtes-vous ?;À Lyon ; près du parc.\r\n2;Quand ?;"Demain\r\n3;"Qui ?";"Luc"\r\n\r\n4;Comment ?\r\nid;question;réponse\r\n5;Pourquoi ?;Parce que\r\nc'est ainsi.\r\n6;Et "ça" ?;Oui.;\r\n`,
    rows: [
      ["Où êtes-vous ?", "À Lyon ; près du parc."],
      ["Quand ?", "Demain"],
      ["Qui ?", "Luc"],
      ["Pourquoi ?", "Parce que\nc'est ainsi."],
      ['Et "ça" ?', "Oui."],
    ],
  },
];
