/** Exports of help desks, shops, knowledge bases and mail programs. Their rows were written down before the reader saw them. */
import type { MessyFile } from "./texts.ts";

export const helpDesks: readonly MessyFile[] = [
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
    name: "chatbot platform: intents with several phrasings in one cell",
    bytes:
      "intent|user|bot\ngreet|salut ; bonjour|Bonjour, que puis-je ?\nprice|prix ? ; combien ?|Ça dépend : 5 à 10 €\n",
    rows: [
      ["salut ; bonjour", "Bonjour, que puis-je ?"],
      ["prix ? ; combien ?", "Ça dépend : 5 à 10 €"],
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
  {
    name: "conversation parts with HTML, author types user and admin",
    bytes:
      'conversation_id,part_id,author_type,author_name,body,created_at\n77,1,user,Ana,"<p>Hi, can I swap sizes?</p>",1714640000\n77,2,admin,Support Team,"<p>Sure, <b>free of charge</b>.</p>",1714640300\n78,1,user,Tom,<p>Do you open on Sunday?</p>,1714650000\n78,2,admin,Support Team,"<p>No, Monday to Saturday.</p>",1714650200\n',
    rows: [
      ["<p>Hi, can I swap sizes?</p>", "<p>Sure, <b>free of charge</b>.</p>"],
      ["<p>Do you open on Sunday?</p>", "<p>No, Monday to Saturday.</p>"],
    ],
  },
  {
    name: "mails of a shared inbox with their direction",
    bytes:
      'Thread ID,Date,Direction,Subject,Text\nT1,2024-03-01 08:00,inbound,Invoice,"Hello, may I have an invoice for order 88?"\nT1,2024-03-01 09:30,outbound,Re: Invoice,"Hello, it is attached to this message."\nT2,2024-03-01 10:00,inbound,Broken cup,My cup arrived broken.\nT2,2024-03-01 10:20,outbound,Re: Broken cup,"We are sorry, a new one leaves today."\n',
    rows: [
      ["Hello, may I have an invoice for order 88?", "Hello, it is attached to this message."],
      ["My cup arrived broken.", "We are sorry, a new one leaves today."],
    ],
  },
  {
    name: "messages with direction in French",
    bytes:
      "Conversation;Horodatage;Sens;Message\n12;02/05/2024 09:14;Entrant;Bonjour, votre boutique est-elle ouverte le 8 mai ?\n12;02/05/2024 09:20;Sortant;Bonjour ! Oui, de 10 h à 17 h.\n13;02/05/2024 11:02;Entrant;Je voudrais modifier mon adresse.\n13;02/05/2024 11:10;Sortant;C'est fait, merci.\n",
    rows: [
      ["Bonjour, votre boutique est-elle ouverte le 8 mai ?", "Bonjour ! Oui, de 10 h à 17 h."],
      ["Je voudrais modifier mon adresse.", "C'est fait, merci."],
    ],
  },
  {
    name: "knowledge base: article title and article body",
    bytes:
      'Article title,Article language,Article URL,Article body,Category\nHow do I cancel my subscription?,en,https://kb.example/1,"<p>Open <b>Plan</b>, then press Cancel.</p>",Billing\nWhere do I find my invoices?,en,https://kb.example/2,"<p>Under Account, in Billing.</p>",Billing\nCan I export my data?,en,https://kb.example/3,<p>Yes: as CSV or JSON.</p>,Data\n',
    rows: [
      ["How do I cancel my subscription?", "<p>Open <b>Plan</b>, then press Cancel.</p>"],
      ["Where do I find my invoices?", "<p>Under Account, in Billing.</p>"],
      ["Can I export my data?", "<p>Yes: as CSV or JSON.</p>"],
    ],
  },
  {
    name: "CRM knowledge: API names of custom fields",
    bytes:
      '"Id","ArticleNumber","UrlName","Question__c","Answer__c","LastPublishedDate"\n"kA01","000001001","warranty","How long is the warranty?","Two years, parts and labour.","2024-01-05T10:00:00.000Z"\n"kA02","000001002","returns","May I return a gift?","Yes, with the gift receipt.","2024-01-06T10:00:00.000Z"\n',
    rows: [
      ["How long is the warranty?", "Two years, parts and labour."],
      ["May I return a gift?", "Yes, with the gift receipt."],
    ],
  },
  {
    name: "reviews with the reply of the owner",
    bytes:
      'Date,Stars,Review,Reply from owner\n2024-02-01,5,"Great shop, fast delivery!","Thank you, see you soon."\n2024-02-03,2,The box was open when it came.,"We are sorry: please write to us, we replace it."\n2024-02-04,4,Nice but pricey.,Thanks for your honest words.\n',
    rows: [
      ["Great shop, fast delivery!", "Thank you, see you soon."],
      ["The box was open when it came.", "We are sorry: please write to us, we replace it."],
      ["Nice but pricey.", "Thanks for your honest words."],
    ],
  },
  {
    name: "help desk: a whole conversation as JSON in a cell",
    bytes:
      'ticket_id,created_at,conversation\n901,2024-05-02T09:14:22Z,"[{""role"":""user"",""content"":""My lamp flickers, what now?""},{""role"":""assistant"",""content"":""Swap the bulb; if it persists, we replace the lamp.""}]"\n902,2024-05-02T10:00:00Z,"[{""role"":""user"",""content"":""Where is order 12?""},{""role"":""assistant"",""content"":""On its way.""},{""role"":""user"",""content"":""And 13?""},{""role"":""assistant"",""content"":""Delivered \\""yesterday\\"".""}]"\n',
    rows: [
      ["My lamp flickers, what now?", "Swap the bulb; if it persists, we replace the lamp."],
      ["Where is order 12?", "On its way."],
      ["And 13?", 'Delivered "yesterday".'],
    ],
  },
  {
    name: "question and first reply among many ticket columns, escaped both ways",
    bytes:
      '"Ticket ID","Subject","Status","Group","Customer question","First reply","Tags"\n"5","Login","Closed","L1","I typed \\"admin\\", it fails","Use your ""mail address"" instead.","login,auth"\n"6","Price","Closed","L1","Is VAT included?","It is, in every ""Total"".","price"\n"7","Size","Open","L2","Which size is \\"M\\"?","It is 50, by our table.","size"\n',
    rows: [
      ['I typed "admin", it fails', 'Use your "mail address" instead.'],
      ["Is VAT included?", 'It is, in every "Total".'],
      ['Which size is "M"?', "It is 50, by our table."],
    ],
  },
];
