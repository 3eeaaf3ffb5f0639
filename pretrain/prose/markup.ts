// Paragraphs of HTML, DocBook and Mallard pages. One tolerant reader serves all three: it walks the tags,
// ends a paragraph at every block tag, and skips what is not running text (tables, listings, menus).

const skipped = new Set(
  `script style pre table nav footer svg math select textarea button head programlisting screen synopsis cmdsynopsis
  funcsynopsis literallayout indexterm mediaobject inlinemediaobject equation informaltable code-block codeblock
  bookinfo articleinfo legalnotice remark comment media info equation abbrev glossterm noscript form refmeta
  refnamediv refentrytitle keycombo`.split(/\s+/),
);

const inline = new Set(
  `a abbr acronym b bdi bdo big cite code command data del dfn em emphasis filename font gui guibutton guiicon
  guilabel guimenu guimenuitem guisubmenu guiseq i input ins key kbd keycap keysym label link literal mark
  menuchoice option parameter phrase prompt q quote replaceable s samp small span strong sub sup sys systemitem tt
  u ulink userinput var varname wbr xref application app file firstterm foreignphrase trademark classname function
  interfacename ooo cmd input output email uri anchor productname envar interface property type`.split(/\s+/),
);

// A link that is printed from its target leaves a gap in the sentence when it has no text of its own.
const holes = new Set(["xref"]);

const entities: Record<string, string> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  laquo: "«",
  raquo: "»",
  hellip: "…",
  mdash: "—",
  ndash: "–",
  rsquo: "'",
  lsquo: "'",
  ldquo: '"',
  rdquo: '"',
  eacute: "é",
  egrave: "è",
  ecirc: "ê",
  euml: "ë",
  agrave: "à",
  acirc: "â",
  ccedil: "ç",
  ocirc: "ô",
  ugrave: "ù",
  ucirc: "û",
  uuml: "ü",
  icirc: "î",
  iuml: "ï",
  oelig: "œ",
  aelig: "æ",
  Eacute: "É",
  Egrave: "È",
  Ecirc: "Ê",
  Agrave: "À",
  Ccedil: "Ç",
  OElig: "Œ",
  copy: "©",
  reg: "®",
  trade: "™",
  euro: "€",
  deg: "°",
  times: "×",
  middot: "·",
  bull: "•",
  rarr: "→",
  larr: "←",
  shy: "",
  ouml: "ö",
  auml: "ä",
  szlig: "ß",
  ntilde: "ñ",
  oacute: "ó",
  aacute: "á",
  iacute: "í",
  uacute: "ú",
  thinsp: " ",
  ensp: " ",
  emsp: " ",
  minus: "-",
  Ocirc: "Ô",
  Icirc: "Î",
  pound: "£",
  sect: "§",
  para: "¶",
  frac12: "½",
}; // prettier-ignore

export function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (_, decimal, hex, name) => {
    if (name !== undefined) return entities[name] ?? "\ufffd"; // an unknown entity is a hole in the sentence
    const code = decimal !== undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : "\ufffd";
  });
}

const token =
  /<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<[!?][^>]*>|<(\/?)([A-Za-z][\w:.-]*)([^<>]*)>|([^<]+|<)/g;

/** The text blocks of a page, in order, entities decoded; a hole in a sentence is U+FFFD. */
export function markupParagraphs(page: string): string[] {
  const blocks: string[] = [];
  let block = "";
  let skip = ""; // the element being skipped
  let depth = 0;
  const flush = () => {
    const text = decodeEntities(block).replace(/\s+/g, " ").trim();
    if (text) blocks.push(text);
    block = "";
  };
  for (const [, data, close, tag, rest, text] of page.matchAll(token)) {
    if (text !== undefined || data !== undefined) {
      if (!skip) block += text ?? data.replace(/&/g, "&amp;");
      continue;
    }
    if (tag === undefined) continue;
    const name = tag.toLowerCase().replace(/^.*:/, "");
    const empty = rest.endsWith("/");
    if (skip) {
      if (name === skip && !empty) depth += close ? -1 : 1;
      if (depth === 0) skip = "";
      continue;
    }
    if (!close && !empty && skipped.has(name)) {
      skip = name;
      depth = 1;
      flush();
    } else if (name === "br" || name === "img") {
      block += " ";
    } else if (holes.has(name) && empty) {
      block += "\ufffd";
    } else if (!inline.has(name)) {
      flush();
    }
  }
  flush();
  return blocks;
}
