/**
 * Files as they come out of the programs that people use, each whole and with its own texts. Their rows were written
 * down before the reader saw them.
 */
import { cp1252, decodedTwice, type MessyFile } from "./texts.ts";

export const brought: readonly MessyFile[] = [
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
    name: "help desk export: subject, description and reply",
    bytes:
      'Ticket ID,Status,Priority,Customer message,Agent reply,Updated at\n58211,closed,normal,"Hi,\n\nmy parcel says ""delivered"" but it is not here.\n\nBest,\nTom","Hello Tom,\n\nI have opened an inquiry with the carrier; you will hear from us within 48 hours.\n\nKind regards,\nMia",2024-02-11T08:12:00Z\n58212,open,high,Can I get a VAT invoice?,"Yes: reply with your VAT number, and we send it.",2024-02-11T09:00:31Z\n',
    rows: [
      [
        'Hi,\n\nmy parcel says "delivered" but it is not here.\n\nBest,\nTom',
        "Hello Tom,\n\nI have opened an inquiry with the carrier; you will hear from us within 48 hours.\n\nKind regards,\nMia",
      ],
      ["Can I get a VAT invoice?", "Yes: reply with your VAT number, and we send it."],
    ],
  },
  {
    name: "shop export: HTML in the answers, handles and empty columns",
    bytes:
      'Handle,Question,Answer,Image Src,Variant Price,Published\nmug-blue,Is it dishwasher safe?,"<p>Yes, up to <b>60&nbsp;°C</b>.</p>",,12.00,true\nmug-red,How big is it?,"<ul><li>Height: 9.5 cm</li><li>Volume: 330 ml</li></ul>",,12.00,true\nlamp,Which bulb fits?,<p>Any E27 bulb.</p>,https://cdn.example/l.png,49.90,false\n',
    rows: [
      ["Is it dishwasher safe?", "<p>Yes, up to <b>60&nbsp;°C</b>.</p>"],
      ["How big is it?", "<ul><li>Height: 9.5 cm</li><li>Volume: 330 ml</li></ul>"],
      ["Which bulb fits?", "<p>Any E27 bulb.</p>"],
    ],
  },
  {
    name: "database dump with backslashes and NULL",
    bytes:
      '"id";"question";"reponse";"cree_le"\n"1";"C\'est quoi l\'option \\"Premium\\" ?";"L\'accès à tout ; sans publicité.";"2023-11-02 10:00:00"\n"2";"Où sont mes fichiers ?";"Dans C:\\\\Documents\\\\Export.";"2023-11-03 11:20:00"\n"3";"Et l\'été ?";NULL;"2023-11-04 12:00:00"\n"4";"Un saut de ligne ?";"Oui :\\\nici.";"2023-11-05 12:00:00"\n',
    rows: [
      ["C'est quoi l'option \"Premium\" ?", "L'accès à tout ; sans publicité."],
      ["Où sont mes fichiers ?", "Dans C:\\Documents\\Export."],
      ["Et l'été ?", "NULL"],
      ["Un saut de ligne ?", "Oui :\\\nici."],
    ],
  },
  {
    name: "mails pasted into cells",
    bytes:
      'question,response\n"Bonjour,\nJe n\'ai pas reçu ma facture.\n--\nPaul, 06 12 34 56 78","Bonjour Paul,\nla voici en pièce jointe.\n> Je n\'ai pas reçu ma facture.\nCordialement"\n"De : Lia <lia@exemple.fr>\nObjet : Re: colis\n\nToujours rien.","Le colis est à l\'agence, au 3, rue du Port."\n',
    rows: [
      [
        "Bonjour,\nJe n'ai pas reçu ma facture.\n--\nPaul, 06 12 34 56 78",
        "Bonjour Paul,\nla voici en pièce jointe.\n> Je n'ai pas reçu ma facture.\nCordialement",
      ],
      [
        "De : Lia <lia@exemple.fr>\nObjet : Re: colis\n\nToujours rien.",
        "Le colis est à l'agence, au 3, rue du Port.",
      ],
    ],
  },
  {
    name: "JSON in a cell, doubled quotes, as a log export",
    bytes:
      'ts,prompt,completion,meta\n1714000000,Sum 2 and 3,5,"{""model"":""m-1"",""tokens"":12}"\n1714000060,"List two colours, as JSON","[""red"",""blue""]","{""model"":""m-1"",""tokens"":9}"\n',
    rows: [
      ["Sum 2 and 3", "5"],
      ["List two colours, as JSON", '["red","blue"]'],
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
    name: "old Mac: CR only, semicolons, Windows-1252",
    bytes: cp1252("Question;Réponse\rOuvrez-vous le lundi ?;Non, jamais.\rEt le 1er mai ?;Fermé aussi.\r"),
    rows: [
      ["Ouvrez-vous le lundi ?", "Non, jamais."],
      ["Et le 1er mai ?", "Fermé aussi."],
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
    name: "title, date and a blank line above, a total below",
    bytes:
      "Service Relation Client;;\nÉtat au 31/12/2023;;\n;;\nN°;Question;Réponse\n1;Comment résilier ?;Par lettre, ou dans « Mon contrat ».\n2;Quel préavis ?;Un mois ; deux pour les entreprises.\n3;Et les frais ?;Aucun.\nTotal;3;\n",
    rows: [
      ["Comment résilier ?", "Par lettre, ou dans « Mon contrat »."],
      ["Quel préavis ?", "Un mois ; deux pour les entreprises."],
      ["Et les frais ?", "Aucun."],
    ],
  },
  {
    name: "a source line at the end",
    bytes:
      'question,answer\nWho wrote it?,Our team did.\nMay I copy it?,"Yes, with our name."\n\nSource: intranet, exported by J. Doe\n',
    rows: [
      ["Who wrote it?", "Our team did."],
      ["May I copy it?", "Yes, with our name."],
    ],
  },
  {
    name: "header of two rows with merged cells",
    bytes:
      ";Client;;Conseiller;\nN°;Question;Langue;Réponse;Durée\n1;Où est mon reçu ?;fr;Dans vos courriels.;00:42\n2;Is it open?;en;Until six.;00:10\n",
    rows: [
      ["Où est mon reçu ?", "Dans vos courriels."],
      ["Is it open?", "Until six."],
    ],
  },
  {
    name: "three tables one under the other",
    bytes:
      "Question,Réponse\nQuel délai ?,Trois jours.\nQuel transporteur ?,La Poste.\n\nAgence,Ville,Téléphone\nNord,Lille,0320000000\nSud,Nice,0493000000\n\nMois,Tickets\njanvier,120\nfévrier,98\n",
    rows: [
      ["Quel délai ?", "Trois jours."],
      ["Quel transporteur ?", "La Poste."],
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
    name: "SQL and code in answers",
    bytes:
      'instruction,response\n"Write a query for all users","SELECT name, mail\nFROM users\nWHERE mail <> \'\';"\nPrint hello in Python,"print(""hello"", end="""")"\nEscape a quote in C,"char *s = ""\\""\\"""";"\n',
    rows: [
      ["Write a query for all users", "SELECT name, mail\nFROM users\nWHERE mail <> '';"],
      ["Print hello in Python", 'print("hello", end="")'],
      ["Escape a quote in C", 'char *s = "\\"\\"";'],
    ],
  },
  {
    name: "Markdown in answers: lists, tables and fences",
    bytes:
      'prompt,completion\nCompare plans,"| Plan | Price |\n|------|-------|\n| S | 5 |\n| M | 9 |"\nShow a fence,"```js\nconst a = [1, 2];\n```"\nGive steps,"# Steps\n1. Open\n2. Close, gently"\n',
    rows: [
      ["Compare plans", "| Plan | Price |\n|------|-------|\n| S | 5 |\n| M | 9 |"],
      ["Show a fence", "```js\nconst a = [1, 2];\n```"],
      ["Give steps", "# Steps\n1. Open\n2. Close, gently"],
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
    name: "every line ends with a separator, the header too",
    bytes: "Question;Réponse;\nQuel âge minimum ?;Trois ans.;\nFaut-il des piles ?;Oui, deux AA.;\n",
    rows: [
      ["Quel âge minimum ?", "Trois ans."],
      ["Faut-il des piles ?", "Oui, deux AA."],
    ],
  },
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
    name: "rows cut over two lines by a mail program",
    bytes:
      "question;réponse\nComment annuler ma réservation ?;Dans votre espace, ouvrez la réservation puis\ncliquez sur « Annuler ».\nSuis-je remboursé ?;Oui, en totalité, si vous annulez deux jours\navant l'arrivée.\nEt sinon ?;La moitié est retenue.\n",
    rows: [
      [
        "Comment annuler ma réservation ?",
        "Dans votre espace, ouvrez la réservation puis\ncliquez sur « Annuler ».",
      ],
      ["Suis-je remboursé ?", "Oui, en totalité, si vous annulez deux jours\navant l'arrivée."],
      ["Et sinon ?", "La moitié est retenue."],
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
    name: "blank rows of separators between groups, and group titles",
    bytes:
      "Question;Réponse\nLIVRAISON;\nQuel délai ?;Deux jours.\nQuel prix ?;5 €, offert dès 50 €.\n;\nRETOURS;\nQuel délai pour rendre ?;Trente jours.\n;\n",
    rows: [
      ["Quel délai ?", "Deux jours."],
      ["Quel prix ?", "5 €, offert dès 50 €."],
      ["Quel délai pour rendre ?", "Trente jours."],
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
    name: "single quotes from a script, French apostrophes escaped by backslashes",
    bytes:
      "'question','réponse'\n'Qu\\'est-ce que c\\'est ?','C\\'est un filtre, en acier.'\n'Ça s\\'use ?','Non, jamais.'\n",
    rows: [
      ["Qu'est-ce que c'est ?", "C'est un filtre, en acier."],
      ["Ça s'use ?", "Non, jamais."],
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
];
