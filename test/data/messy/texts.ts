/** What the messy files are made of: questions and answers as people write them, and writers. */
export type Pair = readonly [string, string];

export interface MessyFile {
  /** What is wrong with it. */
  name: string;
  bytes: Buffer | string;
  /** Instruction and response of each row, in order. */
  rows: readonly Pair[];
}

export const french: readonly Pair[] = [
  [
    "Comment réinitialiser mon mot de passe ?",
    "Cliquez sur « Mot de passe oublié », puis suivez le lien reçu par courriel.",
  ],
  ["Quels sont vos horaires d'ouverture ?", "Nous sommes ouverts du lundi au vendredi, de 9 h à 18 h."],
  ["Où en est ma commande ?", "Votre commande est partie hier ; elle arrivera sous 3 jours."],
  ["Puis-je retourner un article soldé ?", "Oui, dans les 30 jours, avec l'étiquette d'origine."],
  ["Livrez-vous à l'étranger ?", "Nous livrons en Belgique, en Suisse et au Luxembourg."],
  ["Comment contacter le service client ?", "Appelez le 01 99 00 12 34 ou écrivez à aide@boutique.example."],
  ["Acceptez-vous les chèques ?", "Non, nous acceptons la carte, PayPal et le virement."],
  ["Quelle est la garantie du grille-pain ?", "Le grille-pain est garanti deux ans, pièces et main-d'œuvre."],
];

export const english: readonly Pair[] = [
  ["How do I reset my password?", "Open Settings, choose Security, then press Reset."],
  ["Where is my invoice?", "Invoices are under Account, in the Billing tab."],
  ["Can I change the delivery address?", "Yes, until the parcel leaves our warehouse."],
  ["Do you ship to Ireland?", "We do, within five working days, for 6.90 EUR."],
  ["What does error 42 mean?", "The router has no network: check the cable, then restart it."],
  ["Is the battery replaceable?", "It is, with a small screwdriver and ten minutes."],
  ["How long is the warranty?", "Two years from the day of purchase."],
  ["Who answers the chat at night?", "Nobody does; we are back at 8 in the morning."],
];

/** As RFC 4180 has it, quotes only where they are needed. */
export function cell(text: string, delimiter = ",", quote = '"'): string {
  const needed = [delimiter, quote, "\n", "\r"].some((mark) => text.includes(mark));
  return needed ? quote + text.replaceAll(quote, quote + quote) + quote : text;
}

export function quoted(text: string, quote = '"'): string {
  return quote + text.replaceAll(quote, quote + quote) + quote;
}

export function csv(
  rows: readonly (readonly string[])[],
  { delimiter = ",", end = "\n", write = (text: string) => cell(text, delimiter) } = {},
): string {
  return rows.map((fields) => fields.map(write).join(delimiter) + end).join("");
}

/** With the mark that many programs put before UTF-8. */
export function bom(text: string): string {
  return `\ufeff${text}`;
}

/** UTF-16 LE with its mark, as Excel's Unicode text. */
export function utf16(text: string): Buffer {
  return Buffer.from(bom(text), "utf16le");
}

/** Windows-1252, which Latin-1 lacks some marks of. */
export function cp1252(text: string): Buffer {
  const marks: Record<string, number> = {
    "€": 0x80,
    "‘": 0x91,
    "’": 0x92,
    "“": 0x93,
    "”": 0x94,
    "–": 0x96,
    œ: 0x9c,
    "…": 0x85,
  };
  return Buffer.from([...text].map((character) => marks[character] ?? character.charCodeAt(0)));
}

/** UTF-8 taken for Windows-1252 and written as UTF-8. */
export function decodedTwice(text: string): string {
  const back: Record<number, string> = {
    128: "€",
    145: "‘",
    146: "’",
    147: "“",
    148: "”",
    150: "–",
    156: "œ",
    133: "…",
    153: "™",
    160: "\u00a0",
    130: "‚",
    137: "‰",
    132: "„",
    138: "Š",
    136: "ˆ",
    131: "ƒ",
  };
  return [...Buffer.from(text, "utf8")].map((byte) => back[byte] ?? String.fromCharCode(byte)).join("");
}
