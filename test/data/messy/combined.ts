/** Files with several faults at once, or with a fault in an unlucky place. Their rows were written down first. */
import { cp1252, decodedTwice, type MessyFile } from "./texts.ts";

export const combined: readonly MessyFile[] = [
  {
    name: "Windows-1252, commas of answers unquoted, a blank line, padding",
    bytes: cp1252(
      "question,réponse\r\nOù êtes-vous ?, À Nantes, près du port.\r\nÊtes-vous ouverts ?,Oui, même l'été.\r\n\r\nUn café ?,Avec plaisir !\r\n",
    ),
    rows: [
      ["Où êtes-vous ?", "À Nantes, près du port."],
      ["Êtes-vous ouverts ?", "Oui, même l'été."],
      ["Un café ?", "Avec plaisir !"],
    ],
  },
  {
    name: "inner quotes at both edges of a quoted answer",
    bytes:
      'question,answer\nWhat did it say?,""Closed until May", then nothing."\nWhat is the code?,"The code is "4411"."\nWho knows?,"Ann does, "usually"."\nAnyone else?,No.\n',
    rows: [
      ["What did it say?", '"Closed until May", then nothing.'],
      ["What is the code?", 'The code is "4411".'],
      ["Who knows?", 'Ann does, "usually".'],
      ["Anyone else?", "No."],
    ],
  },
  {
    name: "an answer of several unquoted lines with a list",
    bytes:
      "question,answer\nHow do I start it?,Do this:\n- fill the tank\n- press the button\nHow do I stop it?,Press the button again.\nIs it loud?,Not at all.\n",
    rows: [
      ["How do I start it?", "Do this:\n- fill the tank\n- press the button"],
      ["How do I stop it?", "Press the button again."],
      ["Is it loud?", "Not at all."],
    ],
  },
  {
    name: "ids, and a row whose separator before the answer is missing",
    bytes:
      'id,question,answer\n1,"Is it new?","Yes, this year."\n2,"Is it blue?""Yes, dark blue."\n3,"Is it big?","No, small."\n',
    rows: [
      ["Is it new?", "Yes, this year."],
      ["Is it blue?", "Yes, dark blue."],
      ["Is it big?", "No, small."],
    ],
  },
  {
    name: "a row without an id, one without an answer, one with too much",
    bytes:
      "id;question;réponse\n1;Qui ?;Nous.\n;Quand ?;Demain.\n3;Comment ?;\n4;Pourquoi ?;Parce que.;;\n5;Combien ?;Dix.\n",
    rows: [
      ["Qui ?", "Nous."],
      ["Quand ?", "Demain."],
      ["Pourquoi ?", "Parce que."],
      ["Combien ?", "Dix."],
    ],
  },
  {
    name: "NULs in the header and in the cells",
    bytes: "ques\0tion,ans\0wer\nWhat\0 is it?,A lamp\0.\nIs it on?,\0Yes.\n",
    rows: [
      ["What is it?", "A lamp."],
      ["Is it on?", "Yes."],
    ],
  },
  {
    name: "two quotes never closed, far from each other",
    bytes: `question,answer\n${Array.from({ length: 20 }, (_, i) => `What is part ${i}?,${i === 4 || i === 15 ? '"' : ""}It is the part number ${i}.`).join("\n")}\n`,
    rows: Array.from(
      { length: 20 },
      (_, i) => [`What is part ${i}?`, `It is the part number ${i}.`] as const,
    ),
  },
  {
    name: "a quote never closed before an answer of several quoted lines",
    bytes:
      'question,answer\n"Is A there?,"Yes."\n"Is B there?","Yes,\non the shelf,\nto the left."\n"Is C there?","No."\n',
    rows: [
      ["Is A there?", "Yes."],
      ["Is B there?", "Yes,\non the shelf,\nto the left."],
      ["Is C there?", "No."],
    ],
  },
  {
    name: "semicolons unquoted in answers, three columns, dates last",
    bytes:
      "question;réponse;date\nQuelles tailles ?;S ; M ; L.;2024-01-02\nQuelles couleurs ?;Rouge.;2024-01-03\nQuelles matières ?;Coton ; lin, au choix.;2024-01-04\nEt le prix ?;Douze euros.;2024-01-05\n",
    rows: [
      ["Quelles tailles ?", "S ; M ; L."],
      ["Quelles couleurs ?", "Rouge."],
      ["Quelles matières ?", "Coton ; lin, au choix."],
      ["Et le prix ?", "Douze euros."],
    ],
  },
  {
    name: "tabs in some rows of a comma file, decoded twice at that",
    bytes: "question,réponse\nOÃ¹ est-il ?,LÃ -bas.\nQui l'a ?\tLÃ©a.\nDÃ©jÃ  prÃªt ?,Oui, dÃ©jÃ .\n",
    rows: [
      ["Où est-il ?", "Là-bas."],
      ["Qui l'a ?", "Léa."],
      ["Déjà prêt ?", "Oui, déjà."],
    ],
  },
  {
    name: "quotes closed and opened inside an HTML attribute, commas around",
    bytes:
      'question,answer\nHow do I link?,"Use <a href="/help, now">help</a>, please."\nHow do I bold?,"Use <b class="x">text</b>."\nAnd italics?,Use <i>text</i>.\n',
    rows: [
      ["How do I link?", 'Use <a href="/help, now">help</a>, please.'],
      ["How do I bold?", 'Use <b class="x">text</b>.'],
      ["And italics?", "Use <i>text</i>."],
    ],
  },
  {
    name: "stray quotes after the closing ones",
    bytes:
      'question,answer\n"Is it heavy?","It is not.""\n"Is it light?","It is, very."\n"Is it here?","It is."\n',
    rows: [
      ["Is it heavy?", "It is not."],
      ["Is it light?", "It is, very."],
      ["Is it here?", "It is."],
    ],
  },
  {
    name: "mixed record ends and a missing last line end, quoted lines inside",
    bytes:
      'question,answer\r\nWhat is one?,"First\rline, then\r\nanother."\nWhat is two?,Second.\rWhat is three?,Third.\r\nWhat is four?,Fourth.',
    rows: [
      ["What is one?", "First\nline, then\nanother."],
      ["What is two?", "Second."],
      ["What is three?", "Third."],
      ["What is four?", "Fourth."],
    ],
  },
  {
    name: "comma and blank, some cells with commas of their own in quotes, one without",
    bytes:
      'question, answer\n"Is it red, or blue?", "Red, I think."\nIs it ripe?, Quite.\n"Is it sour?", Yes, a little.\n',
    rows: [
      ["Is it red, or blue?", "Red, I think."],
      ["Is it ripe?", "Quite."],
      ["Is it sour?", "Yes, a little."],
    ],
  },
  {
    name: "blanks and tabs around everything, no-break spaces in the answers",
    bytes:
      "  question  ;\tréponse \n  Quel jour ?  ;\tLundi. \n Quelle heure ? ;  À 9 h.\u00a0\n\tQui ?\t; Léa et Tom. \n",
    rows: [
      ["Quel jour ?", "Lundi."],
      ["Quelle heure ?", "À 9 h."],
      ["Qui ?", "Léa et Tom."],
    ],
  },
  {
    name: "JSON answers unquoted among quoted ones",
    bytes:
      'question,answer\nGive a point,{"x": 1, "y": 2}\nGive a name,"Ann, or Bob"\nGive a list,[1, 2, 3]\nGive nothing,{}\n',
    rows: [
      ["Give a point", '{"x": 1, "y": 2}'],
      ["Give a name", "Ann, or Bob"],
      ["Give a list", "[1, 2, 3]"],
      ["Give nothing", "{}"],
    ],
  },
  {
    name: "questions with commas, quoted on one side only",
    bytes:
      'question,answer\n"If it rains, is it open?",Yes\n"If it snows, is it open?",No\nIs it open on Sunday?,"Yes, from ten."\n',
    rows: [
      ["If it rains, is it open?", "Yes"],
      ["If it snows, is it open?", "No"],
      ["Is it open on Sunday?", "Yes, from ten."],
    ],
  },
  {
    name: "typographic quotes around cells with commas and straight quotes inside",
    bytes:
      'question,réponse\n“Que dit le panneau ?”,“Il dit "fermé", en rouge.”\n“Qui l\'a mis ?”,“Le gardien, hier.”\n“Et demain ?”,“Ouvert.”\n',
    rows: [
      ["Que dit le panneau ?", 'Il dit "fermé", en rouge.'],
      ["Qui l'a mis ?", "Le gardien, hier."],
      ["Et demain ?", "Ouvert."],
    ],
  },
  {
    name: "backslash escapes, and one quote that nobody escaped",
    bytes:
      'question,answer\n"What is \\"new\\"?","The \\"red\\" one, mostly."\n"What is "old"?","The blue one."\n"What is left?","Nothing, \\"really\\"."\n',
    rows: [
      ['What is "new"?', 'The "red" one, mostly.'],
      ['What is "old"?', "The blue one."],
      ["What is left?", 'Nothing, "really".'],
    ],
  },
  {
    name: "answers that are questions",
    bytes:
      'question,answer\nCan you help me?,Of course. What is your order number?\nIt is broken.,I am sorry. Do you have the receipt?\nI want a refund.,"Sure, how did you pay?"\n',
    rows: [
      ["Can you help me?", "Of course. What is your order number?"],
      ["It is broken.", "I am sorry. Do you have the receipt?"],
      ["I want a refund.", "Sure, how did you pay?"],
    ],
  },
  {
    name: "whole lines in quotes, with the header bare",
    bytes:
      'question,answer\n"Is it wet?,""No, it is dry."""\n"Is it cold?,It is."\n"Is it late?,""Yes, very late."""\n',
    rows: [
      ["Is it wet?", "No, it is dry."],
      ["Is it cold?", "It is."],
      ["Is it late?", "Yes, very late."],
    ],
  },
  {
    name: "a pipe file with pipes in an answer",
    bytes:
      "id|question|answer\n1|Which keys?|Ctrl|C\n2|Which menu?|File, then Save.\n3|Which tab?|The second.\n4|Which page?|Page 9.\n",
    rows: [
      ["Which keys?", "Ctrl|C"],
      ["Which menu?", "File, then Save."],
      ["Which tab?", "The second."],
      ["Which page?", "Page 9."],
    ],
  },
  {
    name: "numbers with decimal commas unquoted in a comma file",
    bytes:
      "question,réponse\nCombien pèse-t-il ?,Il pèse 2,5 kg.\nCombien coûte-t-il ?,Il coûte 19,90 €.\nQuelle largeur ?,Un mètre.\n",
    rows: [
      ["Combien pèse-t-il ?", "Il pèse 2,5 kg."],
      ["Combien coûte-t-il ?", "Il coûte 19,90 €."],
      ["Quelle largeur ?", "Un mètre."],
    ],
  },
  {
    name: "every separator missing between quoted cells",
    bytes:
      'question,answer\n"What is it?""It is a lamp."\n"Is it on?""It is."\n"Since when?""Since May."\n"Why is it?""Because."\n"Who says so?""I do."\n"Is it ""so""?""It is ""so""."\n',
    rows: [
      ["What is it?", "It is a lamp."],
      ["Is it on?", "It is."],
      ["Since when?", "Since May."],
      ["Why is it?", "Because."],
      ["Who says so?", "I do."],
      ['Is it "so"?', 'It is "so".'],
    ],
  },
  {
    name: "two quotes in one row, neither closed",
    bytes: 'question,réponse\nQui ?,Lui.\n"jamais fermé,"la fin\nQuoi ?,Ceci.\n',
    rows: [
      ["Qui ?", "Lui."],
      ["jamais fermé", "la fin"],
      ["Quoi ?", "Ceci."],
    ],
  },
  {
    name: "a quote never closed, in an answer that goes on behind a comma",
    bytes: '"question","réponse"\n"Qui ?","Lui,\net elle.\n"Quoi ?","Ceci."\n"Où ?","Là."\n',
    rows: [
      ["Qui ?", "Lui,\net elle."],
      ["Quoi ?", "Ceci."],
      ["Où ?", "Là."],
    ],
  },
  {
    name: "one row, decoded twice with its header",
    bytes: decodedTwice("question;réponse\nQui ?;Léa.\n"),
    rows: [["Qui ?", "Léa."]],
  },
  {
    name: "one row without a header, decoded twice",
    bytes: decodedTwice("Où est la clé ?;À l'accueil.\n"),
    rows: [["Où est la clé ?", "À l'accueil."]],
  },
];
