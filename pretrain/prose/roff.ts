// Paragraphs of manual pages written with the man macros. Only running text is kept: the sections that are
// lists of names, the tags of option lists and everything in no-fill mode are left out.

const droppedSections =
  /^(?:SYNOPSIS|NOM|NAME|VOIR AUSSI|SEE ALSO|AUTEURS?|AUTHORS?|TRADUCTION|TRADUCTEURS?|COPYRIGHT|COLOPHON|SIGNALE|REPORTING|BOGUES|STANDARDS|CONFORMITÉ|VERSIONS|HISTORIQUE|FICHIERS|FILES|ATTRIBUTS)/i;

const named: Record<string, string> = {
  "(aq": "'",
  "(cq": "'",
  "(oq": "'",
  "(lq": '"',
  "(rq": '"',
  "(dq": '"',
  "(Fo": "«",
  "(Fc": "»",
  "(em": "—",
  "(en": "–",
  "(bu": "•",
  "(co": "©",
  "(rs": "\\",
  "(ti": "~",
  "(ha": "^",
  "(ga": "`",
  "(->": "→",
  "(mu": "×",
  "-": "-",
  e: "\\",
  " ": " ",
  "~": " ",
  "0": " ",
  "&": "",
  "/": "",
  ",": "",
  "|": "",
  "^": "",
  "%": "",
  ":": "",
  "'": "'",
  "`": "`",
}; // prettier-ignore

/** Text of one line without its escapes. */
function plain(line: string): string {
  return line
    .replace(/\\".*$/, "")
    .replace(/\\f(?:\[[^\]]*\]|\(..|.)/g, "")
    .replace(/\\s[-+]?\d/g, "")
    .replace(/\\m\[[^\]]*\]/g, "")
    .replace(/\\\[u([\dA-F]{4,5})\]/g, (_, code) => String.fromCodePoint(Number.parseInt(code, 16)))
    .replace(/\\(\(..|.)/g, (all, name) => named[name] ?? (all === "\\" ? "" : "\ufffd"));
}

/** The arguments of a macro line, joined: spaces between for .B and .I, none for the alternating .BR, .IR … */
function macroText(name: string, rest: string): string {
  const parts = [...rest.matchAll(/"((?:[^"]|"")*)"|(\S+(?:\\ \S+)*)/g)].map((m) =>
    (m[1] ?? m[2]).replace(/""/g, '"'),
  );
  return parts.join(name.length === 2 ? "" : " ");
}

/** The paragraphs of a man page. Pages in mdoc (.Dd, .Sh) give none: their macros stand inside sentences. */
export function roffParagraphs(page: string): string[] {
  if (/^\.(?:Dd|Sh)\b/m.test(page)) return [];
  const paragraphs: string[] = [];
  let words: string[] = [];
  let keep = true; // false in sections that are no prose
  let fill = true; // false between .nf and .fi
  let tag = false; // the line after .TP is the option itself
  const flush = () => {
    const text = words.join(" ").replace(/\s+/g, " ").trim();
    if (text) paragraphs.push(text);
    words = [];
  };
  for (const line of page.split("\n")) {
    const macro = /^[.']\s*([A-Za-z]+|\\")\s?(.*)$/.exec(line);
    if (!macro) {
      if (line.trim() === "") flush();
      else if (tag) tag = false;
      else if (keep && fill) words.push(plain(line));
      continue;
    }
    const [, name, rest] = macro;
    if (/^(?:B|I|R|BI|BR|IB|IR|RB|RI|SM|SB)$/.test(name)) {
      if (tag) tag = false;
      else if (keep && fill) words.push(plain(macroText(name, rest)));
    } else if (name === '\\"') {
      // a comment
    } else {
      flush();
      tag = name === "TP" || name === "TQ";
      if (name === "SH") keep = !droppedSections.test(plain(rest).replace(/"/g, "").trim());
      if (name === "nf" || name === "EX") fill = false;
      if (name === "fi" || name === "EE") fill = true;
    }
  }
  flush();
  return paragraphs;
}
