/** Order, parcel, invoice and ticket numbers in all the shapes that customers type. */

import type { CompiledDomain } from "../domain/compile.ts";
import type { Found } from "./amounts.ts";
import { fold } from "./normalise.ts";

/** Letters and digits that may be a number of something: "CMD-88213", "778-221-X", "6A12345678901", "#77120". */
const CANDIDATE =
  /(?<![\p{L}\d€$£.,'’/-])#?\s?(?:[\p{L}]{1,6}[-_/.]?)?\d[\dA-Za-z]*(?:[-_/]?[\dA-Za-z]+)*(?![\p{L}\d%€$£])/gu;
/** "1 234 567", where a word before says that it is one number. */
const GROUPS = /(?<![\p{L}\d€$£.,'’/-])\d{1,4}(?:[ .]\d{3,4})+(?![\p{L}\d%€$£]|[.,]\d|\s?€)/gu;
/** Days, clock times, sizes and quantities are no order numbers, in any language … */
const NOT_ONE =
  /^(?:\d{1,2}[-/.]\d{1,2}(?:[-/.]\d{2,4})?|(?:19|20)\d\d|\d{1,2}h\d{0,2}|\d+(?:er|x|kg|g|cm|mm|m|l|ml|w|v|go|gb|to|h|min|s|ghz|mah|cl|k|km|m2|m3|x\d+)|\d+x\d+(?:x\d+)?)$/i;
/** … nor are digits with a unit of the language glued to them. */
const GLUED = /^\d+(\p{L}+)$/u;

/** All numbers of a text that name an order or the like. Normal form: capitals and digits only. */
export function findOrderNumbers(raw: string, { orderNumbers, language }: CompiledDomain): Found[] {
  const found: Found[] = [];
  const add = (text: string, start: number) => {
    const end = start + text.length;
    if (found.some((other) => start < other.end && other.start < end)) return;
    found.push({ text, start, end, normal: text.toUpperCase().replace(/[^A-Z\d]/g, "") });
  };
  if (!/\d{3}/.test(raw)) return found;
  for (const pattern of orderNumbers)
    for (const match of raw.matchAll(pattern)) {
      const id = match.groups?.id ?? match[0];
      add(id, match.index + match[0].lastIndexOf(id));
    }
  for (const match of raw.matchAll(GROUPS))
    if (
      language.orderLead.test(leadOf(raw.slice(0, match.index))) &&
      !isPhone(match[0].slice(0, 2), "", match[0].slice(2))
    )
      add(match[0], match.index);
  for (const match of raw.matchAll(CANDIDATE)) {
    const text = match[0].replace(/^#?\s?/, "");
    const start = match.index + match[0].length - text.length;
    const hash = match[0].startsWith("#");
    if (isOrderNumber(text, hash, raw.slice(0, start), raw.slice(start + text.length), language))
      add(text, start);
  }
  return found;
}

function leadOf(before: string): string {
  return fold(before).replace(/['’]/g, " ").slice(-60);
}

function isOrderNumber(
  text: string,
  hash: boolean,
  before: string,
  after: string,
  { gluedUnits, quantityBehind, orderLead }: CompiledDomain["language"],
): boolean {
  const digits = text.replace(/\D/g, "").length;
  if (digits < 3 || NOT_ONE.test(text) || isPhone(text, before, after)) return false;
  if (gluedUnits.includes(GLUED.exec(text)?.[1].toLowerCase() ?? "")) return false;
  if (/^\s?(?:€|kg|cm)/i.test(after) || quantityBehind.test(after)) return false;
  if (hash) return true;
  if (orderLead.test(leadOf(before)) || /n°\s*$/.test(before)) return true;
  const letters = /\p{L}/u.test(text);
  // Without a word before it, only what looks like nothing else: letters with many digits, groups of digits.
  return (letters && digits >= 5) || (letters && digits >= 3 && /[-_]/.test(text)) || digits >= 9;
}

/** "05 36 49 27 81", "+33612345678", "0612345678": a telephone. */
function isPhone(text: string, before: string, after: string): boolean {
  if (/^0[1-9]\d{8}$/.test(text) || /\+\d{0,3}\s?$/.test(before)) return true;
  return /^\d{2}$/.test(text) && /^[ .]\d{2}/.test(after);
}
