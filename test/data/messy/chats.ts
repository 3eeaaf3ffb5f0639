/** Chats and interviews, as tables or as text. Their rows were written down before the reader saw them. */
import { cp1252, type MessyFile } from "./texts.ts";

export const chats: readonly MessyFile[] = [
  {
    name: "a chat log: speaker columns named user and assistant, with time first",
    bytes:
      "time\tuser\tassistant\n09:01\thello, is anyone there?\tYes, how can I help?\n09:03\tmy code is 4-4-2\tThank you, it works now.\n",
    rows: [
      ["hello, is anyone there?", "Yes, how can I help?"],
      ["my code is 4-4-2", "Thank you, it works now."],
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
    name: "chat with speakers, roles in brackets behind names, several messages in a row",
    bytes:
      "Time;Speaker;Message\n10:00;Visitor (Paul);Hello\n10:00;Visitor (Paul);Is the blue one back?\n10:02;Agent (Mia);Hi Paul!\n10:02;Agent (Mia);Next Tuesday, it will be.\n10:05;Visitor (Paul);Thanks, can I reserve it?\n10:06;Agent (Mia);Done: it is kept for 3 days.\n",
    rows: [
      ["Hello\nIs the blue one back?", "Hi Paul!\nNext Tuesday, it will be."],
      ["Thanks, can I reserve it?", "Done: it is kept for 3 days."],
    ],
  },
  {
    name: "chat server: two authors by name in a column",
    bytes:
      'AuthorID,Author,Date,Content\n"11","lena_k","2024-05-01 10:00","Does the app work offline?"\n"22","modbot","2024-05-01 10:02","Yes, after the first start."\n"11","lena_k","2024-05-01 10:05","Can I sync two phones?"\n"22","modbot","2024-05-01 10:06","You can, with one account."\n"11","lena_k","2024-05-01 10:09","Is it free?"\n"22","modbot","2024-05-01 10:10","For one year, yes."\n',
    rows: [
      ["Does the app work offline?", "Yes, after the first start."],
      ["Can I sync two phones?", "You can, with one account."],
      ["Is it free?", "For one year, yes."],
    ],
  },
];
