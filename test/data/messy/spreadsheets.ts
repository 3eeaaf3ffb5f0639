/** What spreadsheet programs, forms and wikis write. Their rows were written down before the reader saw them. */
import { bom, cp1252, type MessyFile } from "./texts.ts";

export const spreadsheets: readonly MessyFile[] = [
  {
    name: "Excel in French: decimal commas beside the texts",
    bytes: cp1252(
      "Réf;Prix TTC;Question;Réponse\r\nA-12;19,90;Le câble est-il fourni ?;Oui, un câble de 1,5 m est dans la boîte.\r\nA-13;7,50;Quel est le poids ?;Il pèse 0,8 kg.\r\nB-01;1 249,00;Puis-je payer en 3 fois ?;Oui, dès 100 €, sans frais.\r\n",
    ),
    rows: [
      ["Le câble est-il fourni ?", "Oui, un câble de 1,5 m est dans la boîte."],
      ["Quel est le poids ?", "Il pèse 0,8 kg."],
      ["Puis-je payer en 3 fois ?", "Oui, dès 100 €, sans frais."],
    ],
  },
  {
    name: "Google Forms in French",
    bytes:
      '"Horodateur","Adresse e-mail","Quelle est votre question ?","Notre réponse"\n"2024/05/02 9:14:22 AM UTC+2","a.morel@exemple.fr","Peut-on venir avec un chien ?","Oui, s\'il est tenu en laisse."\n"2024/05/02 10:02:51 AM UTC+2","lb@exemple.fr","Y a-t-il un parking ?","Oui : 40 places, gratuites,\nderrière le bâtiment B."\n"2024/05/03 8:40:00 AM UTC+2","","Où se garer à vélo ?","Devant l\'entrée."\n',
    rows: [
      ["Peut-on venir avec un chien ?", "Oui, s'il est tenu en laisse."],
      ["Y a-t-il un parking ?", "Oui : 40 places, gratuites,\nderrière le bâtiment B."],
      ["Où se garer à vélo ?", "Devant l'entrée."],
    ],
  },
  {
    name: "curly quotes and ellipses from a word processor, in Windows-1252",
    bytes: cp1252(
      "question;réponse\nQue signifie “garantie étendue” ?;C’est une année de plus… pour 9 €.\nC’est “gratuit” ?;Oui – jusqu’à 20 €.\n",
    ),
    rows: [
      ["Que signifie “garantie étendue” ?", "C’est une année de plus… pour 9 €."],
      ["C’est “gratuit” ?", "Oui – jusqu’à 20 €."],
    ],
  },
  {
    name: "Excel's Unicode text: UTF-16 with tabs and quoted cells",
    bytes: Buffer.from(
      '\ufeffCatégorie\tQuestion\tRéponse\r\nPaiement\tPrenez-vous l\'American Express ?\t"Oui, et aussi ""Amex Gold""."\r\nRetour\tQui paie le retour ?\t"Nous,\nsi l\'article est défectueux."\r\n',
      "utf16le",
    ),
    rows: [
      ["Prenez-vous l'American Express ?", 'Oui, et aussi "Amex Gold".'],
      ["Qui paie le retour ?", "Nous,\nsi l'article est défectueux."],
    ],
  },
  {
    name: "sep= line with a pipe",
    bytes: "sep=|\r\nQuestion|Answer\r\nIs it a, b or c?|It is b; not a, not c.\r\nWhy?|Because.\r\n",
    rows: [
      ["Is it a, b or c?", "It is b; not a, not c."],
      ["Why?", "Because."],
    ],
  },
  {
    name: "spreadsheet cells that begin with = + - @",
    bytes:
      'question,answer\nHow do I add A1 and B1?,=A1+B1\nWhat is the hotline?,+33 1 99 00 12 34\nWhich handle?,@shop\nWhich sign is it?,"-5, below zero"\n',
    rows: [
      ["How do I add A1 and B1?", "=A1+B1"],
      ["What is the hotline?", "+33 1 99 00 12 34"],
      ["Which handle?", "@shop"],
      ["Which sign is it?", "-5, below zero"],
    ],
  },
  {
    name: "headers in capitals with units and line breaks",
    bytes:
      '"QUESTION\n(client)";"RÉPONSE\n(conseiller)";"DURÉE\n(min)"\n"Avez-vous un catalogue ?";"Oui, sur demande.";3\n"Faites-vous des devis ?";"Oui ; sous 24 h.";5\n',
    rows: [
      ["Avez-vous un catalogue ?", "Oui, sur demande."],
      ["Faites-vous des devis ?", "Oui ; sous 24 h."],
    ],
  },
  {
    name: "numbers with blanks and percents beside the texts, tabs",
    bytes:
      "vues\ttaux\tdemande\tréponse\n12 430\t87 %\tComment me désabonner ?\tLe lien est au bas de chaque message.\n980\t4,5 %\tPuis-je changer d'adresse ?\tOui, dans « Profil ».\n",
    rows: [
      ["Comment me désabonner ?", "Le lien est au bas de chaque message."],
      ["Puis-je changer d'adresse ?", "Oui, dans « Profil »."],
    ],
  },
  {
    name: "Excel FR: Windows-1252, semicolons, euros and a cell with a line break",
    bytes: cp1252(
      'Question;Réponse;Tarif TTC\r\nLe café est-il compris ?;"Oui,\nà volonté.";0,00 €\r\nEt le thé ?;Non : 2,50 € la tasse.;2,50 €\r\n',
    ),
    rows: [
      ["Le café est-il compris ?", "Oui,\nà volonté."],
      ["Et le thé ?", "Non : 2,50 € la tasse."],
    ],
  },
  {
    name: "Excel DE: other columns in German, dates with dots",
    bytes: bom(
      "Nr.;Datum;Question;Answer;Betrag\r\n1;01.02.2024;Where is Gate 3?;Left; then right.;1.234,50\r\n2;02.02.2024;Is it open?;Yes.;12,00\r\n3;03.02.2024;Until when?;Until 8 p.m.;7,00\r\n",
    ),
    rows: [
      ["Where is Gate 3?", "Left; then right."],
      ["Is it open?", "Yes."],
      ["Until when?", "Until 8 p.m."],
    ],
  },
  {
    name: "Excel US: quotes where needed, trailing empty columns",
    bytes:
      'Question,Answer,,\r\n"Do you ship to Hawaii, Alaska?","Yes, both.",,\r\nHow long?,"3"" of snow: longer",,\r\n,,,\r\n',
    rows: [
      ["Do you ship to Hawaii, Alaska?", "Yes, both."],
      ["How long?", '3" of snow: longer'],
    ],
  },
  {
    name: "LibreOffice: all texts quoted, numbers not",
    bytes:
      '"id","question","réponse","note"\n1,"Où est la sortie ?","Au fond, à droite.",4.5\n2,"Et les WC ?","Au sous-sol.",3\n',
    rows: [
      ["Où est la sortie ?", "Au fond, à droite."],
      ["Et les WC ?", "Au sous-sol."],
    ],
  },
  {
    name: "LibreOffice: tabs and single quotes around texts",
    bytes: "'question'\t'réponse'\n'L''entrée est libre ?'\t'Oui'\n'À quelle heure ?'\t'À 9 h'\n",
    rows: [
      ["L'entrée est libre ?", "Oui"],
      ["À quelle heure ?", "À 9 h"],
    ],
  },
  {
    name: "Excel: sep= line, BOM, quotes and semicolons inside",
    bytes: bom('sep=;\r\n"Question";"Réponse"\r\n"A ; B ?";"Les ""deux"" ; oui"\r\n"C ?";"Non"\r\n'),
    rows: [
      ["A ; B ?", 'Les "deux" ; oui'],
      ["C ?", "Non"],
    ],
  },
  {
    name: "Google Forms EN: long questions as names",
    bytes:
      'Timestamp,Your name,What is your question for us?,Answer (team)\n2/5/2024 9:14:22,Ann,"Can I bring my dog, or a cat?","Dogs yes, cats no."\n2/5/2024 9:20:00,Bob,Is there wifi?,Yes (free)\n',
    rows: [
      ["Can I bring my dog, or a cat?", "Dogs yes, cats no."],
      ["Is there wifi?", "Yes (free)"],
    ],
  },
  {
    name: "Google Sheets: formulas and hashes of errors kept as text",
    bytes:
      'Question,Réponse\nComment additionner ?,=SOMME(A1:A3)\nPourquoi #REF! ?,"La cellule #REF! n\'existe plus, corrigez =A1+B1"\n',
    rows: [
      ["Comment additionner ?", "=SOMME(A1:A3)"],
      ["Pourquoi #REF! ?", "La cellule #REF! n'existe plus, corrigez =A1+B1"],
    ],
  },
  {
    name: "smart quotes of a word processor around cells",
    bytes:
      "Question,Réponse\n“Que veut dire « TTC », au juste ?”,“Toutes taxes comprises, donc le prix payé.”\n“Et HT ?”,“Hors taxes.”\n",
    rows: [
      ["Que veut dire « TTC », au juste ?", "Toutes taxes comprises, donc le prix payé."],
      ["Et HT ?", "Hors taxes."],
    ],
  },
  {
    name: "decimal commas and commas between cells, nothing quoted but the prices",
    bytes:
      'prix,question,réponse\n"12,50",Combien pèse-t-il ?,Deux kilos\n"9,90",Est-il bleu ?,"Oui, bleu nuit"\n',
    rows: [
      ["Combien pèse-t-il ?", "Deux kilos"],
      ["Est-il bleu ?", "Oui, bleu nuit"],
    ],
  },
  {
    name: "Mac Excel: CR, tabs",
    bytes: 'Question\tAnswer\rIs it red?\tNo, blue.\rIs it big?\t"Yes, ""XL""."\r',
    rows: [
      ["Is it red?", "No, blue."],
      ["Is it big?", 'Yes, "XL".'],
    ],
  },
  {
    name: "spreadsheet pasted from a web page: no-break spaces and tabs at the ends",
    bytes:
      "Question\tRéponse\t\nQuel prix\u00a0?\t12\u00a0€\u00a0\t\nQuel poids\u00a0?\t\u00a0Deux kilos\t\n",
    rows: [
      ["Quel prix\u00a0?", "12\u00a0€"],
      ["Quel poids\u00a0?", "Deux kilos"],
    ],
  },
  {
    name: "Markdown table with alignment, escaped bars and code",
    bytes:
      "# FAQ\n\n| Question | Answer |\n|:---------|-------:|\n| How do I pipe? | Write `a \\| b`. |\n| What is `--json`? | One object a line. |\n| **Is it stable?** | Yes. |\n",
    rows: [
      ["How do I pipe?", "Write `a | b`."],
      ["What is `--json`?", "One object a line."],
      ["**Is it stable?**", "Yes."],
    ],
  },
  {
    name: "cells pasted with tabs, quotes as they were typed",
    bytes:
      'Topic\tQuestion\tAnswer\nscreen\tIs there a 27" model?\tYes, 27" and 32".\nname\tWhat does "Pro" mean?\t"Pro" has more ports, nothing else\nprice\tHow much?\t1,299.00\n',
    rows: [
      ['Is there a 27" model?', 'Yes, 27" and 32".'],
      ['What does "Pro" mean?', '"Pro" has more ports, nothing else'],
      ["How much?", "1,299.00"],
    ],
  },
  {
    name: "formulas of links and of protected numbers",
    bytes:
      'Ref,Question,Answer\n="0012",Where is the form?,"=HYPERLINK(""https://x.example/f?a=1,2"",""the form"")"\n="0013",What is the code?,"=""0042"""\n="0014",Whom do I call?,"=HYPERLINK(""tel:+33199001234"";""us"")"\n',
    rows: [
      ["Where is the form?", '=HYPERLINK("https://x.example/f?a=1,2","the form")'],
      ["What is the code?", '="0042"'],
      ["Whom do I call?", '=HYPERLINK("tel:+33199001234";"us")'],
    ],
  },
  {
    name: "wiki database: notes that are longer than the question",
    bytes:
      'Page,Answer,Internal notes\nCan I pay later?,"Yes, in 30 days.","Ask the accounting team first, they want to know about large orders."\nDo you hire?,"We do, see Jobs.",To be checked every spring with the people of the office in Lille.\nIs it open?,Until six.,The door at the back stays closed since the works in the yard began.\n',
    rows: [
      ["Can I pay later?", "Yes, in 30 days."],
      ["Do you hire?", "We do, see Jobs."],
      ["Is it open?", "Until six."],
    ],
  },
];
