/**
 * Encodings with one byte a character, and how one is told from another. Invariant: each byte is a character of its own, so
 * that `encodeOneByte(decodeOneByte(bytes))` gives the bytes again.
 */

/** "macintosh": Mac OS Roman; "cp850": DOS in Western Europe. */
export const oneByteEncodings = ["windows-1252", "macintosh", "cp850"] as const;
export type OneByte = (typeof oneByteEncodings)[number];

export function isOneByte(encoding: string): encoding is OneByte {
  return (oneByteEncodings as readonly string[]).includes(encoding);
}

// Bytes that tell one from the others.
const SAMPLE = 1 << 16;

/** What the bytes 0x80 to 0xff are. Windows-1252 leaves five places free, which keep their code point. */
const upperHalves: Record<OneByte, string> = {
  "windows-1252":
    "\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f" +
    "\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178" +
    String.fromCharCode(...Array.from({ length: 96 }, (_, i) => 0xa0 + i)),
  macintosh:
    "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø" +
    "¿¡¬√ƒ≈∆«»…\u00a0ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\uf8ffÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ",
  cp850:
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐" +
    "└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u00ad±‗¾¶§÷¸°¨·¹³²■\u00a0",
};
// Made when they are asked for: most files are UTF-8.
const oneByteMaps = new Map<OneByte, Map<string, number>>();

/** The byte that stands for a character, or -1. */
function byteOf(character: string, encoding: OneByte): number {
  const code = character.charCodeAt(0);
  if (code < 0x80) return code;
  let map = oneByteMaps.get(encoding);
  if (!map) {
    map = new Map([...upperHalves[encoding]].map((one, i) => [one, 0x80 + i]));
    oneByteMaps.set(encoding, map);
  }
  return map.get(character) ?? -1;
}

/** The byte of Windows-1252 that stands for a character, or -1. */
export function cp1252Byte(character: string): number {
  return byteOf(character, "windows-1252");
}

export function decodeOneByte(bytes: Buffer, encoding: OneByte): string {
  // Windows-1252 is Latin-1 from 0xa0 on.
  const strange = encoding === "windows-1252" ? /[\x80-\x9f]/g : /[\x80-\xff]/g;
  const upper = upperHalves[encoding];
  return bytes.toString("latin1").replace(strange, (byte) => upper[byte.charCodeAt(0) - 0x80]);
}

export function encodeOneByte(text: string, encoding: OneByte): Buffer {
  return Buffer.from(Array.from(text, (character) => byteOf(character, encoding)));
}

/**
 * Windows-1252, but for text of an old Mac or of DOS, whose letters would be strangers in their words.
 *
 * @param head the beginning of a file that is no UTF
 */
export function oneByteOf(head: Buffer): OneByte {
  const sample = head.subarray(0, SAMPLE);
  if (sense(decodeOneByte(sample, "windows-1252")) >= 0) return "windows-1252";
  const [best, other] = (["macintosh", "cp850"] as const)
    .map((encoding) => ({ encoding, points: sense(decodeOneByte(sample, encoding)) }))
    .sort((a, b) => b.points - a.points);
  return best.points > Math.max(0, other.points) ? best.encoding : "windows-1252";
}

// A small letter that ASCII lacks, beside another letter.
const fitting = /(?<=\p{L})[^\0-\x7f\P{Ll}]|[^\0-\x7f\P{Ll}](?=\p{L})/gu;
// A mark between letters (but for dashes, quotes and dots of prose), a capital behind a small letter, signs of
// mathematics and pieces of frames.
const strange =
  /(?<=\p{L})[^\0-\x7f\p{L}\p{M}–—‘’“”…·\u00ad](?=\p{L})|(?<=\p{Ll})[^\0-\x7f\P{Lu}]|[\u2200-\u25ff]/gu;

/** Above 0 where the letters are at home in their words. */
function sense(text: string): number {
  return (text.match(fitting)?.length ?? 0) - (text.match(strange)?.length ?? 0);
}
