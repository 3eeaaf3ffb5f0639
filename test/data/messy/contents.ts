/** Texts that a reader may take for something else: numbers, lists, emoji, quotes of their own. Their rows were written down before the reader saw them. */
import { cp1252, decodedTwice, type MessyFile } from "./texts.ts";

const long = `${"Step by step, without haste: ".repeat(700)}"done".\nThen rest, twice.`;

export const contents: readonly MessyFile[] = [
  {
    name: "old Mac: CR only, semicolons, Windows-1252",
    bytes: cp1252("Question;Réponse\rOuvrez-vous le lundi ?;Non, jamais.\rEt le 1er mai ?;Fermé aussi.\r"),
    rows: [
      ["Ouvrez-vous le lundi ?", "Non, jamais."],
      ["Et le 1er mai ?", "Fermé aussi."],
    ],
  },
  {
    name: "answers of one word, and numbers",
    bytes: "question,answer\nIs it free?,No\nHow much is it?,12\nHow many seats?,4\nIn stock?,Yes\n",
    rows: [
      ["Is it free?", "No"],
      ["How much is it?", "12"],
      ["How many seats?", "4"],
      ["In stock?", "Yes"],
    ],
  },
  {
    name: "UTF-8 read as Windows-1252 once, euro and œ included",
    bytes: decodedTwice(
      "question;réponse\nCombien coûte l'œuvre ?;Elle coûte 1 200 €, cadre compris.\nEst-ce « signé » ?;Oui, à la main.\n",
    ),
    rows: [
      ["Combien coûte l'œuvre ?", "Elle coûte 1 200 €, cadre compris."],
      ["Est-ce « signé » ?", "Oui, à la main."],
    ],
  },
  {
    name: "quotes around French text that are part of it",
    bytes:
      'question,réponse\n"""Livraison offerte"" : pour qui ?","Pour les commandes de plus de 50 €."\n"Que veut dire ""port dû"" ?","Le destinataire paie ""à l\'arrivée""."\n',
    rows: [
      ['"Livraison offerte" : pour qui ?', "Pour les commandes de plus de 50 €."],
      ['Que veut dire "port dû" ?', 'Le destinataire paie "à l\'arrivée".'],
    ],
  },
  {
    name: "quoted header, bare rows, commas in answers",
    bytes:
      '"question","answer"\nWhat do you sell?,We sell tea, coffee and cups.\nDo you roast?,Yes, every Tuesday, here in the shop.\nIs there decaf?,There is.\n',
    rows: [
      ["What do you sell?", "We sell tea, coffee and cups."],
      ["Do you roast?", "Yes, every Tuesday, here in the shop."],
      ["Is there decaf?", "There is."],
    ],
  },
  {
    name: "a quote that is closed too late, in one row of many",
    bytes:
      'question,answer\nWhat is A?,It is the first.\nWhat is B?,"It is the second.\nWhat is C?,It is the third.\nWhat is D?,"It is the fourth, not the last."\nWhat is E?,It is the fifth.\n',
    rows: [
      ["What is A?", "It is the first."],
      ["What is B?", "It is the second."],
      ["What is C?", "It is the third."],
      ["What is D?", "It is the fourth, not the last."],
      ["What is E?", "It is the fifth."],
    ],
  },
  {
    name: "a column of links and one of tags between the two sides",
    bytes:
      'url,question,tags,answer\nhttps://x.example/faq?id=1&l=en,How do I log in?,"account,login",Use your mail address.\nhttps://x.example/faq?id=2&l=en,How do I log out?,account,"Press your name, then Leave."\n',
    rows: [
      ["How do I log in?", "Use your mail address."],
      ["How do I log out?", "Press your name, then Leave."],
    ],
  },
  {
    name: "Windows-1252 in the middle of a UTF-8 file, euro signs too",
    bytes: Buffer.concat([
      Buffer.from(
        "question;réponse\nOù est l'entrée ?;À droite.\nEst-ce accessible ?;Oui, par l'allée.\nÀ quelle heure ?;Dès 8 h.\n",
      ),
      cp1252("Quel est le tarif réduit ?;C’est 6 € ; gratuit à Noël.\n"),
      Buffer.from("Où payer ?;À la caisse.\n"),
    ]),
    rows: [
      ["Où est l'entrée ?", "À droite."],
      ["Est-ce accessible ?", "Oui, par l'allée."],
      ["À quelle heure ?", "Dès 8 h."],
      ["Quel est le tarif réduit ?", "C’est 6 € ; gratuit à Noël."],
      ["Où payer ?", "À la caisse."],
    ],
  },
  {
    name: "without a header: numbered questions",
    bytes:
      "1;Qui contacter ?;Le service client.\n2;Par quel moyen ?;Par téléphone, ou par courriel.\n3;À quelle heure ?;De 9 h à 17 h.\n",
    rows: [
      ["Qui contacter ?", "Le service client."],
      ["Par quel moyen ?", "Par téléphone, ou par courriel."],
      ["À quelle heure ?", "De 9 h à 17 h."],
    ],
  },
  {
    name: "emoji, accents and right-to-left text",
    bytes:
      'user,assistant\nÇa va ? 😀,"Oui 👍, merci !"\nمرحبا,"أهلا، كيف حالك؟"\n日本語は?,はい、話せます。\n',
    rows: [
      ["Ça va ? 😀", "Oui 👍, merci !"],
      ["مرحبا", "أهلا، كيف حالك؟"],
      ["日本語は?", "はい、話せます。"],
    ],
  },
  {
    name: "the two sides in English under German names",
    bytes:
      "Frage;Antwort;Stand\nWo ist mein Paket?;Es kommt morgen, bis 18 Uhr.;03.05.2024\nKann ich umtauschen?;Ja, innerhalb von 14 Tagen.;04.05.2024\n",
    rows: [
      ["Wo ist mein Paket?", "Es kommt morgen, bis 18 Uhr."],
      ["Kann ich umtauschen?", "Ja, innerhalb von 14 Tagen."],
    ],
  },
  {
    name: "fields padded to columns of equal width, pipes",
    bytes:
      "| id | question              | answer                    |\n|----|-----------------------|---------------------------|\n| 1  | Is it waterproof?     | Yes, to 30 m.             |\n| 2  | Does it float?        | No.                       |\n",
    rows: [
      ["Is it waterproof?", "Yes, to 30 m."],
      ["Does it float?", "No."],
    ],
  },
  {
    name: "a comma file whose answers hold semicolons and tabs",
    bytes:
      "prompt,completion\nList the sizes,S; M; L; XL\nList the colours,red;\tgreen;\tblue\nList the days,Mon; Wed; Fri\n",
    rows: [
      ["List the sizes", "S; M; L; XL"],
      ["List the colours", "red;\tgreen;\tblue"],
      ["List the days", "Mon; Wed; Fri"],
    ],
  },
  {
    name: "dates with times and phone numbers before the texts, no header",
    bytes:
      '2024-06-01 10:00,+33612345678,"Je veux annuler, vite.","C\'est fait, vous serez remboursé."\n2024-06-01 10:05,+33687654321,Où est le livreur ?,Il est à deux rues de chez vous.\n2024-06-01 10:09,+33600000000,Merci !,"Avec plaisir, à bientôt."\n',
    rows: [
      ["Je veux annuler, vite.", "C'est fait, vous serez remboursé."],
      ["Où est le livreur ?", "Il est à deux rues de chez vous."],
      ["Merci !", "Avec plaisir, à bientôt."],
    ],
  },
  {
    name: "one long answer of many lines among short ones",
    bytes: `question,answer\nWhat are the terms?,"${Array.from({ length: 60 }, (_, i) => `${i + 1}. Clause ${i + 1}, with a comma; and more.`).join("\n")}"\nDo I sign?,"Yes, twice."\n`,
    rows: [
      [
        "What are the terms?",
        Array.from({ length: 60 }, (_, i) => `${i + 1}. Clause ${i + 1}, with a comma; and more.`).join("\n"),
      ],
      ["Do I sign?", "Yes, twice."],
    ],
  },
  {
    name: "an unquoted line break in CRLF files, lone LF inside quotes",
    bytes:
      'question,answer\r\n"What is in the box?","A pen,\na pad,\nand a map."\r\nIs it wrapped?,"Yes, in paper."\r\nAny card?,One card\r\nIn colour?,No\r\n',
    rows: [
      ["What is in the box?", "A pen,\na pad,\nand a map."],
      ["Is it wrapped?", "Yes, in paper."],
      ["Any card?", "One card"],
      ["In colour?", "No"],
    ],
  },
  {
    name: "UTF-8 read as Windows-1252 and saved once more",
    bytes:
      "question;rÃ©ponse\nOÃ¹ est lâ€™entrÃ©e ?;Ã€ gauche, aprÃ¨s lâ€™escalier.\nCâ€™est payant ?;Non, gratuit.\n",
    rows: [
      ["Où est l’entrée ?", "À gauche, après l’escalier."],
      ["C’est payant ?", "Non, gratuit."],
    ],
  },
  {
    name: "no header, answers with unquoted commas, quotes in the questions only",
    bytes:
      '"Can I, or can\'t I?",Yes, you can, always.\n"Is it free, really?",Free, yes.\n"When, then?",Now.\n"Who, me?",Yes.\n',
    rows: [
      ["Can I, or can't I?", "Yes, you can, always."],
      ["Is it free, really?", "Free, yes."],
      ["When, then?", "Now."],
      ["Who, me?", "Yes."],
    ],
  },
  {
    name: "emoji in headings and cells, joined ones and flags",
    bytes:
      '❓ Question,💬 Réponse,🏷️\nVous livrez en 🇧🇪 ?,"Oui 👍🏽, et en 🇨🇭",livraison\n👩‍👩‍👧 Tarif famille ?,"Oui : 12 €, « tout compris » 🎉",prix\n',
    rows: [
      ["Vous livrez en 🇧🇪 ?", "Oui 👍🏽, et en 🇨🇭"],
      ["👩‍👩‍👧 Tarif famille ?", "Oui : 12 €, « tout compris » 🎉"],
    ],
  },
  {
    name: "a very long answer with quotes and a line break",
    bytes: `prompt,completion\nExplain it,"${long.replaceAll('"', '""')}"\nShorter,No.\n`,
    rows: [
      ["Explain it", long],
      ["Shorter", "No."],
    ],
  },
];
