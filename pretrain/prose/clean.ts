// Judges paragraphs: brings their typography to one form, keeps real prose, tells its language, and
// remembers what was already taken. Extractors hand over everything they find; this file is the only place
// that says what is good enough for the corpus.

export type Language = "fr" | "en";

// Function words that the other language does not have. Words of both ("on", "as", "son") are left out.
const frenchWords = new Set(
  `le la les un une des du de et est que qui dans pour pas sur avec ce cette ces il elle vous nous je ne se sa ses
  au aux ou où mais plus par sont être avoir fait leur votre notre peut si tout comme lorsque lui y été aussi c'est
  d'un d'une l'on n'est qu'il sans sous entre chaque très bien ont était même`.split(/\s+/),
);
const englishWords = new Set(
  `the of and to in is that for it with you this be are was not have from or by an at which your can will if has but
  they we he she his her their all when there would were been more its do what into only some could them then who i
  my me so up out about how any these may should must such other than also`.split(/\s+/),
);

/** The language of a text by its function words, or undefined when neither is clear. */
export function detectLanguage(text: string): Language | undefined {
  const words = text.toLowerCase().match(/[a-zà-ÿœ]+(?:'[a-zà-ÿœ]+)?/g) ?? [];
  let french = 0;
  let english = 0;
  for (const word of words) {
    // "l'eau", "d'abord": an elided article is as French as a whole one.
    if (frenchWords.has(word) || /^(?:l|d|qu|n|s|j|c|m|t)'./.test(word)) french++;
    if (englishWords.has(word)) english++;
  }
  const least = words.length * 0.12;
  if (french >= least && french > english * 2) return "fr";
  if (english >= least && english > french * 2) return "en";
  return undefined;
}

/** One form for spaces, apostrophes, quotes and dashes, so that the small vocabulary is not spent on variants. */
export function normalise(text: string): string {
  return (
    text
      .normalize("NFC")
      // Soft hyphens, zero-width marks and byte-order marks carry no meaning.
      .replace(/[\u00ad\u200b-\u200f\u2060\ufeff]/g, "")
      .replace(/[\s\u00a0\u2000-\u200a\u202f\u205f\u3000]+/g, " ")
      .replace(/[\u2018\u2019\u02bc\u0092]/g, "'")
      .replace(/[\u201c\u201d\u201e]/g, '"')
      .replace(/\u2026/g, "...")
      .replace(/[\u2010\u2011]/g, "-")
      .replace(/``|''/g, '"')
      .replace(/« ?/g, "« ")
      .replace(/ ?»/g, " »")
      .replace(/ ([,.)])/g, "$1")
      .replace(/\( /g, "(")
      .trim()
  );
}

/** Why a normalised paragraph is not prose, or undefined when it is. */
export function fault(text: string): string | undefined {
  if (text.length < 30) return "short";
  if (text.length > 4000) return "long";
  const words = text.split(" ");
  if (words.length < 6) return "few words";
  if (!/[.!?…][)"']*(?: »)?$/.test(text)) return "no sentence end";
  if (!/^[\p{Lu}«"'([\-–—]/u.test(text)) return "no sentence start";
  if (/\ufffd/.test(text)) return "hole";
  if (/%(?:\d+\$)?[-+ 0]*\d*(?:\.\d+)?[sdifuxcglL1-9]\b|[{}\\<>|~^`$=@]|\[\[|::|->|__/.test(text))
    return "code or markup";
  if (
    /(?:^|[\s(])(?:--?[a-zA-Z]\w*|\/\w+\/|~\/|\.\/)|\w+\(\d?\)|\w_\w|\w\/\w+\/\w|\b\w+\.(?:conf|org|com|net|html?|txt|c|h|sh|py|deb|xml|png|so)\b/.test(
      text,
    )
  )
    return "code or markup";
  if (/https?:|www\.|ftp:/i.test(text)) return "address";
  if (
    /copyright|©|all rights reserved|warrant(?:y|ies) of|GNU General Public|Free Documentation License/i.test(
      text,
    )
  )
    return "legal boilerplate";
  const letters = (text.match(/\p{L}/gu) ?? []).length;
  if (letters < text.length * 0.72) return "few letters";
  const capitals = (text.match(/\p{Lu}/gu) ?? []).length;
  if (capitals > letters * 0.16) return "many capitals";
  const digits = (text.match(/\d/g) ?? []).length;
  if (digits > text.length * 0.06) return "many digits";
  if ((text.match(/[*#&+;[\]]/g) ?? []).length > 1 + text.length / 120) return "many symbols";
  if (words.some((word) => word.length > 28)) return "very long word";
  return undefined;
}

/** What a paragraph is remembered by: its letters only, so that versions and counts do not make it new. */
function fingerprint(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}]+/gu, "");
}

/** Takes raw paragraphs and gives back the good, new ones of the wanted language. One instance a corpus. */
export class Sieve {
  private readonly seen = new Set<string>();
  /** How many paragraphs were refused, by reason. */
  readonly refused = new Map<string, number>();

  take(raw: string, language: Language): string | undefined {
    const text = normalise(raw);
    const reason = fault(text) ?? this.wrongLanguage(text, language) ?? this.known(text);
    if (reason === undefined) return text;
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
    return undefined;
  }

  private wrongLanguage(text: string, language: Language): string | undefined {
    return detectLanguage(text) === language ? undefined : "other language";
  }

  private known(text: string): string | undefined {
    const key = fingerprint(text);
    if (this.seen.has(key)) return "duplicate";
    this.seen.add(key);
    return undefined;
  }
}
