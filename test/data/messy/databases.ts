/** Dumps of databases, logs and data sets, with code and JSON in cells. Their rows were written down before the reader saw them. */
import { type MessyFile, utf16 } from "./texts.ts";

export const databases: readonly MessyFile[] = [
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
    name: "JSON in a cell, doubled quotes, as a log export",
    bytes:
      'ts,prompt,completion,meta\n1714000000,Sum 2 and 3,5,"{""model"":""m-1"",""tokens"":12}"\n1714000060,"List two colours, as JSON","[""red"",""blue""]","{""model"":""m-1"",""tokens"":9}"\n',
    rows: [
      ["Sum 2 and 3", "5"],
      ["List two colours, as JSON", '["red","blue"]'],
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
    name: "single quotes from a script, French apostrophes escaped by backslashes",
    bytes:
      "'question','réponse'\n'Qu\\'est-ce que c\\'est ?','C\\'est un filtre, en acier.'\n'Ça s\\'use ?','Non, jamais.'\n",
    rows: [
      ["Qu'est-ce que c'est ?", "C'est un filtre, en acier."],
      ["Ça s'use ?", "Non, jamais."],
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
    name: "fine-tuning sheet: system, prompt and completion with newlines written as \\n",
    bytes: 'system,prompt,completion\nBe brief,"List two, please","- a\\n- b"\nBe brief,Say hi,hi\n',
    rows: [
      ["List two, please", "- a\\n- b"],
      ["Say hi", "hi"],
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
];
