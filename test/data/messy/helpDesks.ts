/** Files of help desks, knowledge bases and chats, as their export button gives them. Expected rows were written first. */
import type { MessyFile } from "./texts.ts";

export const helpDesks: readonly MessyFile[] = [
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
    name: "chat with speakers, roles in brackets behind names, several messages in a row",
    bytes:
      "Time;Speaker;Message\n10:00;Visitor (Paul);Hello\n10:00;Visitor (Paul);Is the blue one back?\n10:02;Agent (Mia);Hi Paul!\n10:02;Agent (Mia);Next Tuesday, it will be.\n10:05;Visitor (Paul);Thanks, can I reserve it?\n10:06;Agent (Mia);Done: it is kept for 3 days.\n",
    rows: [
      ["Hello\nIs the blue one back?", "Hi Paul!\nNext Tuesday, it will be."],
      ["Thanks, can I reserve it?", "Done: it is kept for 3 days."],
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
    name: "chat server: two authors by name in a column",
    bytes:
      'AuthorID,Author,Date,Content\n"11","lena_k","2024-05-01 10:00","Does the app work offline?"\n"22","modbot","2024-05-01 10:02","Yes, after the first start."\n"11","lena_k","2024-05-01 10:05","Can I sync two phones?"\n"22","modbot","2024-05-01 10:06","You can, with one account."\n"11","lena_k","2024-05-01 10:09","Is it free?"\n"22","modbot","2024-05-01 10:10","For one year, yes."\n',
    rows: [
      ["Does the app work offline?", "Yes, after the first start."],
      ["Can I sync two phones?", "You can, with one account."],
      ["Is it free?", "For one year, yes."],
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
