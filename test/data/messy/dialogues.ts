/** Dialogues as people write them down, and tables that only look like dialogues. Rows written before the reader saw them. */
import { cp1252, type MessyFile } from "./texts.ts";

export const dialogues: readonly MessyFile[] = [
  {
    name: "labels with a dash and no blank",
    bytes: "Q:Où est la clé ?\nR:Sous le pot.\nQ:Et l'alarme ?\nR:Code 12:34, puis A.\n",
    rows: [
      ["Où est la clé ?", "Sous le pot."],
      ["Et l'alarme ?", "Code 12:34, puis A."],
    ],
  },
  {
    name: "numbered pairs in capitals, Windows-1252, rules between",
    bytes: cp1252(
      "QUESTION 1 : Où ça ?\r\nRÉPONSE 1 : Là.\r\n----------\r\nQUESTION 2 : Quand ça ?\r\nRÉPONSE 2 : Demain, à l’aube.\r\n----------\r\n",
    ),
    rows: [
      ["Où ça ?", "Là."],
      ["Quand ça ?", "Demain, à l’aube."],
    ],
  },
  {
    name: "Question and answer on lines of their own, texts below",
    bytes:
      "Question\nHow do I reset it?\nAnswer\nPress the pin, 13 seconds.\n\nQuestion\nAnd after?\nAnswer\nWait.\n",
    rows: [
      ["How do I reset it?", "Press the pin, 13 seconds."],
      ["And after?", "Wait."],
    ],
  },
  {
    name: "labels with the text on the next line",
    bytes:
      "Question :\nComment payer ?\nRéponse :\nPar carte,\nou en espèces.\n\nQuestion :\nEt le pourboire ?\nRéponse :\nLibre.\n",
    rows: [
      ["Comment payer ?", "Par carte,\nou en espèces."],
      ["Et le pourboire ?", "Libre."],
    ],
  },
  {
    name: "mail thread in quotes of mails",
    bytes:
      "> Client : Avez-vous reçu ma lettre ?\n> Conseiller : Oui, lundi.\n> Client : Et la réponse ?\n> Conseiller : Elle part ce soir.\n",
    rows: [
      ["Avez-vous reçu ma lettre ?", "Oui, lundi."],
      ["Et la réponse ?", "Elle part ce soir."],
    ],
  },
  {
    name: "transcript with hours before the speakers",
    bytes:
      "10h02 Client : Je n'ai plus de réseau.\n10h03 Technicien : Redémarrez la box.\n10h10 Client : Toujours rien\n10h11 Technicien : Je lance un test : patientez.\n",
    rows: [
      ["Je n'ai plus de réseau.", "Redémarrez la box."],
      ["Toujours rien", "Je lance un test : patientez."],
    ],
  },
  {
    name: "one line each, parted by a pipe",
    bytes: "Q: a ? | R: b\nQ: c, d ? | R: e, f\nQ: g ? | R: h\n",
    rows: [
      ["a ?", "b"],
      ["c, d ?", "e, f"],
      ["g ?", "h"],
    ],
  },
  {
    name: "Human and Assistant of a data set, turns in one cell",
    bytes:
      'text\n"### Human: Name a colour ### Assistant: Blue, say."\n"### Human: Another? ### Assistant: Red."\n',
    rows: [
      ["Name a colour", "Blue, say."],
      ["Another?", "Red."],
    ],
  },
  {
    name: "FAQ with lettered headings in Markdown and lists",
    bytes:
      "# FAQ\n\n### Puis-je venir en bus ?\n- ligne 4\n- ligne 12\n\n### Et en train ?\nOui, gare à 300 m.\n",
    rows: [
      ["Puis-je venir en bus ?", "- ligne 4\n- ligne 12"],
      ["Et en train ?", "Oui, gare à 300 m."],
    ],
  },
  {
    name: "Messenger: author column in French",
    bytes:
      "date;auteur;message\n01/02;Client;C'est loin ?\n01/02;Boutique;Non, 5 min.\n02/02;Client;Merci\n02/02;Boutique;De rien.\n",
    rows: [
      ["C'est loin ?", "Non, 5 min."],
      ["Merci", "De rien."],
    ],
  },
  {
    name: "Agent greets first",
    bytes:
      "Agent: Hello, how can I help?\nCustomer: Where is my order?\nAgent: On its way.\nCustomer: Thanks.\nAgent: Bye!\n",
    rows: [
      ["Where is my order?", "On its way."],
      ["Thanks.", "Bye!"],
    ],
  },
  {
    name: "table: texts that begin with labels",
    bytes:
      "Client : prix ?;Vendeur : 5 €;lundi\nClient : où ?;Vendeur : ici;mardi\nClient : qui ?;Vendeur : moi;jeudi\n",
    rows: [
      ["Client : prix ?", "Vendeur : 5 €"],
      ["Client : où ?", "Vendeur : ici"],
      ["Client : qui ?", "Vendeur : moi"],
    ],
  },
  {
    name: "table: answers with colons and times",
    bytes:
      'question,réponse\nQuand ?,Réponse courte : à 10:30\nOù ?,"Client : à gauche, vendeur : à droite"\n',
    rows: [
      ["Quand ?", "Réponse courte : à 10:30"],
      ["Où ?", "Client : à gauche, vendeur : à droite"],
    ],
  },
  {
    name: "table with a column user and a column bot",
    bytes: "user,bot\nQ: hi,A: hello\nQ: bye,A: see you\n",
    rows: [
      ["Q: hi", "A: hello"],
      ["Q: bye", "A: see you"],
    ],
  },
  {
    name: "numbered FAQ whose answers hold numbered steps",
    bytes:
      "1. Comment monter l'étagère ?\n1) vissez\n2) serrez\n2. Faut-il un outil ?\nUn tournevis.\n3. Et deux personnes ?\nNon.\n",
    rows: [
      ["Comment monter l'étagère ?", "1) vissez\n2) serrez"],
      ["Faut-il un outil ?", "Un tournevis."],
      ["Et deux personnes ?", "Non."],
    ],
  },
  {
    name: "three turns of a chat with a system text",
    bytes: "System: You are kind.\nUser: Hi\nAssistant: Hello!\nUser: Sum 1 and 2\nAssistant: 3\n",
    rows: [
      ["Hi", "Hello!"],
      ["Sum 1 and 2", "3"],
    ],
  },
];
