/**
 * Exports of programs as they are brought: spreadsheets, forms, help desks, shops, plug-ins, databases, messengers. Their
 * rows were written down before the reader saw them.
 */
import { cp1252, type MessyFile } from "./texts.ts";

const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, "utf16le");
const bom = (text: string) => `\ufeff${text}`;

export const exports: readonly MessyFile[] = [
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
    name: "spreadsheet: title, merged header above the names, total below",
    bytes:
      "FAQ magasin 2024;;;\n;;;\nProduit;;Client;\nRéf;Prix;Question;Réponse\nA1;12,50;Lavable ?;Oui, à 30°.\nA2;9,90;Garanti ?;Deux ans.\nA3;7,00;Pliable ?;Non.\nTotal;29,40;;\n",
    rows: [
      ["Lavable ?", "Oui, à 30°."],
      ["Garanti ?", "Deux ans."],
      ["Pliable ?", "Non."],
    ],
  },
  {
    name: "spreadsheet: header once more in the middle, blank rows",
    bytes: "Question,Réponse\nA ?,1\nB ?,2\n,\nQuestion,Réponse\nC ?,3\n\n\nD ?,4\n",
    rows: [
      ["A ?", "1"],
      ["B ?", "2"],
      ["C ?", "3"],
      ["D ?", "4"],
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
    name: "Zendesk: tickets with tags and JSON",
    bytes:
      '"Id","Tags","Description","Comment","Request","Reply","Custom"\n"91","vip order","","","My order #12 is late","Sorry! It left today, see https://t.example/12?a=1,2","{""k"":""v""}"\n"92","","","","Refund?","Done, 12.00 USD","{}"\n',
    rows: [
      ["My order #12 is late", "Sorry! It left today, see https://t.example/12?a=1,2"],
      ["Refund?", "Done, 12.00 USD"],
    ],
  },
  {
    name: "Intercom: conversation parts with the author's type",
    bytes:
      'conversation_id,author_type,body,created_at\n1,user,"Hi, is it in stock?",2024-01-02\n1,agent,"Yes, 3 left.",2024-01-02\n2,user,Where is my parcel,2024-01-03\n2,agent,On its way.,2024-01-03\n2,user,thanks!,2024-01-03\n',
    rows: [
      ["Hi, is it in stock?", "Yes, 3 left."],
      ["Where is my parcel", "On its way."],
    ],
  },
  {
    name: "Shopify: HTML with commas, quotes and entities",
    bytes:
      'Handle,Title,Question,Answer (HTML)\nmug,Mug,"Is it <b>safe</b>?","<p class=""a"">Yes, up to 60&nbsp;°C, no more.</p>"\ncup,Cup,Size?,<ul><li>9&quot; high</li></ul>\n',
    rows: [
      ["Is it <b>safe</b>?", '<p class="a">Yes, up to 60&nbsp;°C, no more.</p>'],
      ["Size?", "<ul><li>9&quot; high</li></ul>"],
    ],
  },
  {
    name: "Shopify: HTML with unescaped quotes of attributes",
    bytes:
      'handle,question,answer\nmug,Safe?,"<p class="a">Yes, up to 60.</p>"\ncup,Size?,"<p class="b">Small.</p>"\nbox,Weight?,"<p>Light.</p>"\n',
    rows: [
      ["Safe?", '<p class="a">Yes, up to 60.</p>'],
      ["Size?", '<p class="b">Small.</p>'],
      ["Weight?", "<p>Light.</p>"],
    ],
  },
  {
    name: "WordPress FAQ plug-in: post columns and shortcodes",
    bytes:
      'post_id,post_type,question,answer,menu_order\n11,faq,Comment payer ?,"[accordion]Par carte, chèque ou virement.[/accordion]",0\n12,faq,Et livrer ?,"Partout &ndash; sauf l\'été.\n\n<!--more-->\nVoir ici.",1\n',
    rows: [
      ["Comment payer ?", "[accordion]Par carte, chèque ou virement.[/accordion]"],
      ["Et livrer ?", "Partout &ndash; sauf l'été.\n\n<!--more-->\nVoir ici."],
    ],
  },
  {
    name: "WordPress: an answer in several unquoted lines",
    bytes:
      "question;réponse\nComment venir ?;En bus, ligne 4.\nOu à pied.\nEt en voiture ?;Parking gratuit.\nOù dormir ?;À l'hôtel.\n",
    rows: [
      ["Comment venir ?", "En bus, ligne 4.\nOu à pied."],
      ["Et en voiture ?", "Parking gratuit."],
      ["Où dormir ?", "À l'hôtel."],
    ],
  },
  {
    name: "MySQL: SELECT INTO OUTFILE with backslashes and \\N",
    bytes:
      '"question","reponse","note"\n"L\\"offre \\"Plus\\" ?","Oui, c\\"est 9 €",\\N\n"Où ?","À Lyon, 3 rue X","5"\n',
    rows: [
      ['L"offre "Plus" ?', 'Oui, c"est 9 €'],
      ["Où ?", "À Lyon, 3 rue X"],
    ],
  },
  {
    name: "MySQL client: tabs, a header in capitals",
    bytes: "ID\tQUESTION\tREPONSE\n1\tA-t-on le choix ?\tOui\\tpeut-être\n2\tQui décide ?\tVous\n",
    rows: [
      ["A-t-on le choix ?", "Oui\\tpeut-être"],
      ["Qui décide ?", "Vous"],
    ],
  },
  {
    name: "PostgreSQL: COPY with pipes and empty texts in quotes",
    bytes:
      'id|question|answer|locale\n1|Is ab allowed?|No.|en\n2|"Is ""c"" allowed?"|"Yes|no."|en\n3|Why?|""|en\n4|When?|Now.|en\n',
    rows: [
      ["Is ab allowed?", "No."],
      ['Is "c" allowed?', "Yes|no."],
      ["When?", "Now."],
    ],
  },
  {
    name: "psql: aligned columns with rules and a count below",
    bytes:
      " id |    question     |    answer\n----+-----------------+---------------\n  1 | Is it far?      | Not at all.\n  2 | Is it open now? | Yes, it is.\n(2 rows)\n\n",
    rows: [
      ["Is it far?", "Not at all."],
      ["Is it open now?", "Yes, it is."],
    ],
  },
  {
    name: "SQL Server: UTF-16 with commas in quotes",
    bytes: utf16('Id,Question,Answer\r\n1,"Où, quand ?","Ici, demain."\r\n2,Qui ?,Nous\r\n'),
    rows: [
      ["Où, quand ?", "Ici, demain."],
      ["Qui ?", "Nous"],
    ],
  },
  {
    name: "WhatsApp Android FR",
    bytes:
      "12/03/2024, 10:15 - Les messages et les appels sont chiffrés de bout en bout.\n12/03/2024, 10:15 - Léa Martin: Bonjour, vous êtes ouverts demain ?\n12/03/2024, 10:17 - Fleurs & Co: Bonjour Léa, oui de 9:00 à 19:00\n12/03/2024, 10:18 - Léa Martin: Super, et vous livrez ?\n12/03/2024, 10:20 - Fleurs & Co: Oui\n12/03/2024, 10:20 - Fleurs & Co: Dès 30 €\n",
    rows: [
      ["Bonjour, vous êtes ouverts demain ?", "Bonjour Léa, oui de 9:00 à 19:00"],
      ["Super, et vous livrez ?", "Oui\nDès 30 €"],
    ],
  },
  {
    name: "WhatsApp iPhone: brackets, seconds and marks of direction",
    bytes:
      "\u200e[03/04/24 09:12:44] Messages and calls are end-to-end encrypted.\n[03/04/24 09:13:01] Ana: do you have size 40?\n[03/04/24 09:14:20] Tom: yes, 2 left\n[03/04/24 09:15:00] Ana: can I pay by card?\n[03/04/24 09:15:30] Tom: sure: card, cash, anything\n",
    rows: [
      ["do you have size 40?", "yes, 2 left"],
      ["can I pay by card?", "sure: card, cash, anything"],
    ],
  },
  {
    name: "WhatsApp pasted into a sheet of one column",
    bytes:
      '"12/03/2024, 10:15 - Client: C\'est combien, ""en gros"" ?"\n"12/03/2024, 10:16 - Vendeur: 12 €, tout compris"\n"12/03/2024, 10:17 - Client: Ok merci"\n"12/03/2024, 10:18 - Vendeur: À bientôt"\n',
    rows: [
      ['C\'est combien, "en gros" ?', "12 €, tout compris"],
      ["Ok merci", "À bientôt"],
    ],
  },
  {
    name: "live chat log: times, visitor numbers and names of agents",
    bytes:
      "Chat started: 2024-05-01\n(10:32:11) Visitor 88213: Hello, is delivery free?\n(10:32:40) Agent (Julie): From 68 € on, yes.\n(10:33:02) Visitor 88213: And to Belgium?\n(10:33:30) Agent (Julie): There it is 9 €.\nShall I send you the table?\n",
    rows: [
      ["Hello, is delivery free?", "From 68 € on, yes."],
      ["And to Belgium?", "There it is 9 €.\nShall I send you the table?"],
    ],
  },
  {
    name: "FAQ as text: Question n° and Réponse",
    bytes: cp1252(
      "FAQ – été 2024\r\n\r\nQuestion n° 1 : Où se garer ?\r\nRéponse : Derrière la mairie, c’est gratuit.\r\n\r\nQuestion n° 2 : Et pour les vélos ?\r\nRéponse : Devant l’entrée ;\r\npensez au cadenas.\r\n",
    ),
    rows: [
      ["Où se garer ?", "Derrière la mairie, c’est gratuit."],
      ["Et pour les vélos ?", "Devant l’entrée ;\npensez au cadenas."],
    ],
  },
  {
    name: "FAQ in Markdown with bold questions",
    bytes:
      "# Questions fréquentes\n\n**1. Quels moyens de paiement ?**\n\nCarte, virement.\n\n**2. Puis-je annuler ?**\n\nOui :\n- avant l'envoi\n- par mail\n\n**3. Qui êtes-vous ?**\n\nUne coopérative.\n",
    rows: [
      ["Quels moyens de paiement ?", "Carte, virement."],
      ["Puis-je annuler ?", "Oui :\n- avant l'envoi\n- par mail"],
      ["Qui êtes-vous ?", "Une coopérative."],
    ],
  },
  {
    name: "interview in one column, quoted, with doubled quotes",
    bytes:
      '"Interviewer: Why ""seven""?"\n"Answer: Because, well, seven."\n"Interviewer: And now?"\n"Answer: Nothing, yet."\n',
    rows: [
      ['Why "seven"?', "Because, well, seven."],
      ["And now?", "Nothing, yet."],
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
    name: "UTF-8 read as Windows-1252 and saved once more",
    bytes:
      "question;rÃ©ponse\nOÃ¹ est lâ€™entrÃ©e ?;Ã€ gauche, aprÃ¨s lâ€™escalier.\nCâ€™est payant ?;Non, gratuit.\n",
    rows: [
      ["Où est l’entrée ?", "À gauche, après l’escalier."],
      ["C’est payant ?", "Non, gratuit."],
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
    name: "CRM: question and answer far apart, many empty columns, a footer with the user",
    bytes:
      "Account;Owner;;Case question;;;Priority;Case answer;;Closed\nACME;jd;;Can we pay later?;;;High;Yes, within 30 days.;;2024-01-01\nFoo;jd;;Who signs?;;;Low;The manager.;;2024-01-02\nBar;kl;;Is VAT due?;;;Low;No; export.;;2024-01-03\n\nGenerated by: jd\n",
    rows: [
      ["Can we pay later?", "Yes, within 30 days."],
      ["Who signs?", "The manager."],
      ["Is VAT due?", "No; export."],
    ],
  },
  {
    name: "survey tool: two header rows, the second with ids in braces",
    bytes:
      'StartDate,Status,Question,Réponse\n"{""ImportId"":""startDate""}","{""ImportId"":""status""}","{""ImportId"":""QID1""}","{""ImportId"":""QID2""}"\n2024-01-01,IP,Qui ?,Moi\n2024-01-02,IP,"Où, ici ?","Là, oui"\n',
    rows: [
      ["Qui ?", "Moi"],
      ["Où, ici ?", "Là, oui"],
    ],
  },
  {
    name: "chatbot platform: intents with several phrasings in one cell",
    bytes:
      "intent|user|bot\ngreet|salut ; bonjour|Bonjour, que puis-je ?\nprice|prix ? ; combien ?|Ça dépend : 5 à 10 €\n",
    rows: [
      ["salut ; bonjour", "Bonjour, que puis-je ?"],
      ["prix ? ; combien ?", "Ça dépend : 5 à 10 €"],
    ],
  },
  {
    name: "fine-tuning sheet: system, prompt and completion with newlines written as \\n",
    bytes: 'system,prompt,completion\nBe brief,"List two, please","- a\\n- b"\nBe brief,Say hi,hi\n',
    rows: [
      ["List two, please", "- a\\n- b"],
      ["Say hi", "hi"],
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
    name: "e-mails in cells, quoted, with signatures, and a missing last quote",
    bytes:
      'question,answer\n"Hi,\nwhere is it?\n-- \nTom","Hello Tom,\nit left.\n\nMia"\n"Hi, and mine?","Also, today.\n',
    rows: [
      ["Hi,\nwhere is it?\n-- \nTom", "Hello Tom,\nit left.\n\nMia"],
      ["Hi, and mine?", "Also, today."],
    ],
  },
  {
    name: "two tables in one sheet: questions, then prices",
    bytes: "Question;Réponse\nA ?;1\nB ?;2\n\nProduit;Prix\nTable;12,50\nChaise;9,90\n",
    rows: [
      ["A ?", "1"],
      ["B ?", "2"],
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
];
