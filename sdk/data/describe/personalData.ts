/**
 * Texts that look like data of a person: mail addresses, telephone and card numbers, IBANs. Numbers count only where
 * their check digits are right, so that an order number is no card.
 */
import type { Row } from "../table.ts";
import type { PersonalData } from "./findings.ts";

type Kind = PersonalData["kind"];

const patterns: [Kind, RegExp, (text: string) => boolean][] = [
  ["mail", /[\p{L}\p{N}._%+-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,5}/gu, () => true],
  ["iban", /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}\b/g, isIban],
  ["card", /(?<![\d.,])\d(?:[ -]?\d){12,18}(?![\d])/g, isCard],
  [
    "phone",
    /(?<![\d\p{L}.,-])(?:(?:\+|00)\d{1,3}[ .-]?(?:\(0\))?(?:[ .-]?\d{1,4}){3,5}|0\d(?:[ .-]?\d{2}){4}|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4})(?![\d])/gu,
    (text) => /^\D*(?:\d\D*){8,15}$/.test(text),
  ],
];

export function findPersonalData(rows: readonly Row[]): PersonalData[] {
  return rows.flatMap(({ line, instruction, response }) => [
    ...inText(instruction).map((found) => ({ line, side: "instruction" as const, ...found })),
    ...inText(response).map((found) => ({ line, side: "response" as const, ...found })),
  ]);
}

function inText(text: string): { kind: Kind; masked: string }[] {
  // All of them have a digit or an @.
  if (!/[\d@]/.test(text)) return [];
  const found: { kind: Kind; masked: string }[] = [];
  let rest = text;
  for (const [kind, pattern, isRight] of patterns)
    rest = rest.replace(pattern, (match) => {
      if (!isRight(match)) return match;
      found.push({ kind, masked: mask(match) });
      // What is an IBAN is no card too.
      return " ".repeat(match.length);
    });
  return found;
}

function mask(text: string): string {
  const shown = text.length > 8 ? 2 : 1;
  return `${text.slice(0, shown)}${"•".repeat(Math.min(8, text.length - 2 * shown))}${text.slice(-shown)}`;
}

/** Luhn's check digit (ISO/IEC 7812). */
function isCard(text: string): boolean {
  const digits = [...text].filter((character) => character >= "0" && character <= "9").map(Number);
  if (new Set(digits).size === 1) return false;
  const sum = digits
    .reverse()
    .reduce((total, digit, i) => total + (i % 2 === 0 ? digit : digit * 2 - (digit > 4 ? 9 : 0)), 0);
  return sum % 10 === 0;
}

/** Remainder 1 of 97 (ISO 13616). */
function isIban(text: string): boolean {
  const compact = text.replaceAll(" ", "");
  if (compact.length < 15 || compact.length > 34) return false;
  let remainder = 0;
  for (const character of compact.slice(4) + compact.slice(0, 4))
    for (const digit of Number.parseInt(character, 36).toString())
      remainder = (remainder * 10 + Number(digit)) % 97;
  return remainder === 1;
}
