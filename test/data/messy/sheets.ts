/** Files of spreadsheets, forms, wikis and data sets. Expected rows were written first. */
import type { MessyFile } from "./texts.ts";

const long = `${"Step by step, without haste: ".repeat(700)}"done".\nThen rest, twice.`;

export const sheets: readonly MessyFile[] = [
  {
    name: "form: the same heading twice, answers of several lines",
    bytes:
      '"Timestamp","Question","Answer","Answer"\n"5/2/2024 9:14:22","What is in the kit?","A pen\n\n- a pad\n- a map, folded","checked"\n"5/2/2024 10:02:51","Is it reusable?","Yes","to check"\n',
    rows: [
      ["What is in the kit?", "A pen\n\n- a pad\n- a map, folded"],
      ["Is it reusable?", "Yes"],
    ],
  },
  {
    name: "workbook: title over merged cells, blank rows, totals and a mean below",
    bytes:
      "FAQ 2024;;;\n;;;\nPriorité;Question;Réponse;Vues\nhaute;Comment payer ?;Par carte ou virement.;1 204\nbasse;Où êtes-vous ?;À Lille, au 3, rue du Port.;88,5\nhaute;Quand livrez-vous ?;Le mardi et le jeudi.;310\n;;;\nTotal;;;1 602,5\nMoyenne;;;534,2\n",
    rows: [
      ["Comment payer ?", "Par carte ou virement."],
      ["Où êtes-vous ?", "À Lille, au 3, rue du Port."],
      ["Quand livrez-vous ?", "Le mardi et le jeudi."],
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
    name: "one question, several rows of answers below it",
    bytes:
      "Question;Réponse\nQuels moyens de paiement ?;Carte bancaire.\n;Virement.\n;Chèque, sur demande.\nQuel délai ?;Deux jours.\n",
    rows: [
      ["Quels moyens de paiement ?", "Carte bancaire."],
      ["Quel délai ?", "Deux jours."],
    ],
  },
  {
    name: "one question, several columns of answers",
    bytes:
      'id,question,answer 1,answer 2,answer 3,best\n1,How do I clean it?,"With water, no soap.",With a brush.,,1\n2,Is it loud?,No.,Hardly.,"A bit, at night.",2\n',
    rows: [
      ["How do I clean it?", "With water, no soap."],
      ["Is it loud?", "No."],
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
    name: "many empty columns at the right, not the same number in each row",
    bytes:
      'Question,Answer,,,,\nIs it in stock?,Yes,,,,\nIn red?,"No, in blue",,,\nIn size 40?,"Yes, two left",,,,,\nAny discount?,10 % today,,\n',
    rows: [
      ["Is it in stock?", "Yes"],
      ["In red?", "No, in blue"],
      ["In size 40?", "Yes, two left"],
      ["Any discount?", "10 % today"],
    ],
  },
  {
    name: "data set with instruction, context and response",
    bytes:
      'instruction,context,response,category\nWho wrote it?,"The text was written by Ana, in 2020.",Ana wrote it.,closed_qa\nName three fruits,,"Apple, pear, plum",brainstorming\n',
    rows: [
      ["Who wrote it?", "Ana wrote it."],
      ["Name three fruits", "Apple, pear, plum"],
    ],
  },
  {
    name: "data set with instruction, input and output",
    bytes:
      'instruction,input,output\nTranslate to French,"Good morning, all",Bonjour à tous\nName a colour,,Blue\n"Sum the list","1, 2, 3",6\n',
    rows: [
      ["Translate to French\n\nGood morning, all", "Bonjour à tous"],
      ["Name a colour", "Blue"],
      ["Sum the list\n\n1, 2, 3", "6"],
    ],
  },
  {
    name: "wiki database: the question is the name of the page",
    bytes:
      '\ufeffName,Answer,Created time,Last edited by,Status,Tags\nCan I pause my plan?,"Yes, for three months.","May 2, 2024 9:14 AM",Mia,Done,"billing, plan"\nHow do I invite a colleague?,"Press Share, then Invite.","May 3, 2024 8:00 AM",Tom,Done,team\nIs there a student price?,Half of it.,"May 4, 2024 7:30 PM",Mia,Draft,"price, school"\n',
    rows: [
      ["Can I pause my plan?", "Yes, for three months."],
      ["How do I invite a colleague?", "Press Share, then Invite."],
      ["Is there a student price?", "Half of it."],
    ],
  },
  {
    name: "sections as rows of one cell, in capitals and with rules",
    bytes:
      'Question,Answer\n=== Delivery ===\nHow fast is it?,Two days.\nIs it insured?,"Yes, up to 500 EUR."\n=== Returns ===\nWho pays?,"We do, in Europe."\nHow long have I got?,30 days.\n',
    rows: [
      ["How fast is it?", "Two days."],
      ["Is it insured?", "Yes, up to 500 EUR."],
      ["Who pays?", "We do, in Europe."],
      ["How long have I got?", "30 days."],
    ],
  },
  {
    name: "sections as rows of one cell, no marks around",
    bytes:
      "Question;Réponse\nLivraison\nQuel est le délai ?;Trois jours.\nQuel est le prix ?;C'est offert dès 50 €.\nRetours et échanges\nQui paie le retour ?;Nous, en France.\nPuis-je échanger ?;Oui, sous 30 jours.\nDIVERS\nÊtes-vous ouverts le lundi ?;Non.\n",
    rows: [
      ["Quel est le délai ?", "Trois jours."],
      ["Quel est le prix ?", "C'est offert dès 50 €."],
      ["Qui paie le retour ?", "Nous, en France."],
      ["Puis-je échanger ?", "Oui, sous 30 jours."],
      ["Êtes-vous ouverts le lundi ?", "Non."],
    ],
  },
  {
    name: "letters as answers over several unquoted lines, with greetings at their ends",
    bytes:
      "Question;Réponse\nOù est ma facture ?;Bonjour,\nelle est dans votre espace.\nCordialement\nMia\nLivrez-vous en Suisse ?;Oui, en une semaine.\nEt en Italie ?;Bonjour,\nnon, pas encore.\nCordialement\nMia\nEt en Espagne ?;Non plus.\nEt ici ?;Oui.\n",
    rows: [
      ["Où est ma facture ?", "Bonjour,\nelle est dans votre espace.\nCordialement\nMia"],
      ["Livrez-vous en Suisse ?", "Oui, en une semaine."],
      ["Et en Italie ?", "Bonjour,\nnon, pas encore.\nCordialement\nMia"],
      ["Et en Espagne ?", "Non plus."],
      ["Et ici ?", "Oui."],
    ],
  },
];
