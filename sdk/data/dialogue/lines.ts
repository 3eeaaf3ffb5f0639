/**
 * Lines of a dialogue written as text: "Q: …" / "R: …", "Client : …", "### Instruction:", "12/03/2024 10:15 - Jean: …".
 * Says which side a line speaks for; knows nothing of the lines around it.
 */
import { answerWords, plainName, questionWords, words } from "../columns/sideWords.ts";

export type Side = "question" | "answer" | "system";

/** A line that begins a turn. */
export interface TurnLine {
  side: Side;
  /** Folded, as it stands: "q", "service client". */
  label: string;
  text: string;
}

const QUESTION_LABELS = [...questionWords.shown, ...questionWords.further, "q", "input"];
const ANSWER_LABELS = [...answerWords.shown, ...answerWords.further, "a", "r", "rep", "output", "solution"];
/** Labels that name who speaks. */
const ASKING_PEOPLE = words(
  "user utilisateur utilisatrice client cliente customer human humain visiteur visitor acheteur acheteuse buyer guest invité élève " +
    "student patient moi me vous you usager lecteur interviewer kunde kundin besucher nutzer klant usuario usuaria comprador utente",
);
const ANSWERING_PEOPLE = words(
  "assistant assistante bot chatbot vendeur vendeuse seller conseiller conseillère agent support sav opérateur operatrice technicien " +
    "technicienne ai ia gpt chatgpt robot boutique magasin professeur teacher formateur advisor staff expert hotline admin " +
    "mitarbeiter mitarbeiterin berater beraterin agente asesor asesora vendedor operatore operador medewerker assistente",
);
const PHRASES: Record<string, Side> = {
  "service client": "answer",
  "customer service": "answer",
  "customer support": "answer",
  "support client": "answer",
  "notre reponse": "answer",
  "votre question": "question",
  "end user": "question",
};
/** What a column says of messages, seen from those who answer. */
const DIRECTIONS: Record<string, Side> = {
  inbound: "question",
  incoming: "question",
  entrant: "question",
  entrante: "question",
  received: "question",
  recu: "question",
  outbound: "answer",
  outgoing: "answer",
  sortant: "answer",
  sortante: "answer",
  sent: "answer",
  envoye: "answer",
};

const SIDES = new Map<string, Side>([
  ...[...QUESTION_LABELS, ...ASKING_PEOPLE].map((word) => [word, "question"] as const),
  ...[...ANSWER_LABELS, ...ANSWERING_PEOPLE].map((word) => [word, "answer"] as const),
  ...(["system", "systeme"] as const).map((word) => [word, "system"] as const),
  ...Object.entries(PHRASES),
]);
const NOT_PEOPLE = new Set([...QUESTION_LABELS, ...ANSWER_LABELS]);

/** "Question" and "R" name what is said, "Client" and "Bot" who says it. @param label folded */
export function namesPerson(label: string): boolean {
  return !NOT_PEOPLE.has(label);
}

/**
 * Marks that may stand before a label: quotes of mails, bullets, headings, bold type. Runs have a most, here and below:
 * runs side by side that may have any length make a pattern's work grow with a power of a line's length.
 */
const LEAD = String.raw`[\s>*_#•–-]{0,12}`;
const GAP = String.raw`\s{0,3}`;
/** Day and time, as chats write them; either alone. */
const DAY = String.raw`\d{1,4}[/.-]\d{1,2}[/.-]\d{2,4}`;
const TIME = String.raw`\d{1,2}[:h]\d{2}(?::\d{2})?(?:\s?[AaPp]\.?[Mm]\.?)?`;
const STAMP = String.raw`[\u200e\u200f]{0,2}[[(]?(?:${DAY}(?:,| à| at|T)?${GAP}(?:${TIME})?|${TIME})[\])]?${GAP}[-–:]?${GAP}`;
const TURN = new RegExp(
  String.raw`^${LEAD}(?:${STAMP})?${LEAD}(\p{L}[\p{L}'’ ]{0,24}?)${GAP}(?:\([^()]{1,20}\))?${GAP}(?:n°${GAP}|#)?(\d{1,6})?${GAP}[*_]{0,3}${GAP}([:：]|[.)](?=\s))[*_]{0,3}\s*`,
  "u",
);
const STAMPED = new RegExp(`^${STAMP}(?:([^:]{1,40}): ?)?`, "u");

export function sideOf(label: string): Side | undefined {
  return SIDES.get(plainName(label));
}

/** The same for a cell: "Visitor (Paul)", "customer_12", "inbound". */
export function sideOfCell(cell: string): Side | undefined {
  const name = plainName(cell.replace(/\s*\([^()]*\)\s*$/, "")).replace(/ \d+$/, "");
  return SIDES.get(name) ?? DIRECTIONS[name];
}

/** The turn that a line begins, or undefined. `names` are speakers whose side is known otherwise. */
export function turnLine(line: string, names?: ReadonlyMap<string, Side>): TurnLine | undefined {
  if (names !== undefined) return namedTurn(line, names);
  const match = TURN.exec(line);
  if (match === null) return labelAlone(line);
  const [all, label, number, mark] = match;
  const side = sideOf(label);
  if (side === undefined) return undefined;
  // "Q. …" and "Question 3) …", but "Client. …" begins a sentence.
  if (!/[:：]/.test(mark) && number === undefined && label.length > 1) return undefined;
  return { side, label: plainName(label), text: line.slice(all.length).trimEnd() };
}

/** "Question" on a line of its own, its text below. Words that also name people do not count: "Agent". */
const ALONE = /^[\s>*_#•–-]*(\p{L}{1,20})(?:\s*(?:n°\s*)?\d{1,6})?[\s*_]*$/u;

function labelAlone(line: string): TurnLine | undefined {
  const label = plainName(ALONE.exec(line)?.[1] ?? "");
  const side = SIDES.get(label);
  return side === undefined || namesPerson(label) ? undefined : { side, label, text: "" };
}

/** It ends with a question mark, which quotes and brackets may close. */
export function asks(line: string): boolean {
  return /[?？؟]["»”)\s]*$/.test(line);
}

/** A line between exchanges: "-----". */
export function isRuleLine(line: string): boolean {
  return /^\s*([-=_*~])\1{2,}\s*$/.test(line);
}

function namedTurn(line: string, names: ReadonlyMap<string, Side>): TurnLine | undefined {
  const stamped = stampedLine(line);
  const side = stamped?.speaker === undefined ? undefined : names.get(stamped.speaker);
  return side === undefined || !stamped
    ? undefined
    : { side, label: stamped.speaker as string, text: stamped.text };
}

/** A line of a chat with day or time before it, and the speaker where it has one. */
export function stampedLine(line: string): { speaker?: string; text: string } | undefined {
  const match = STAMPED.exec(line);
  if (match === null) return undefined;
  const speaker = match[1]?.trim();
  return { ...(speaker === undefined ? {} : { speaker }), text: line.slice(match[0].length).trimEnd() };
}

/** Without blanks and separators at its end; a pattern would try each run of them in the text. */
function withoutEnd(text: string): string {
  let end = text.length;
  while (end > 0 && /[\s,;|–#*-]/.test(text[end - 1])) end--;
  return text.slice(0, end);
}

const INNER = /(?<=[\s,;|.?!)"»])(\p{L}[\p{L} ]{0,14}?)\s{0,3}\d{0,4}\s{0,3}[:：]\s{0,3}/gu;

/** "Q: … R: …" on one line: where the answer begins, or undefined. */
export function innerAnswer(text: string): { question: string; answer: string } | undefined {
  for (const match of text.matchAll(INNER)) {
    // "… ? Notre réponse :": the label may be the last words of what came before.
    const label = match[1].split(" ").at(-1) as string;
    if (sideOf(match[1]) !== "answer" && sideOf(label) !== "answer") continue;
    const at = match.index + (sideOf(match[1]) === "answer" ? 0 : match[1].length - label.length);
    const question = withoutEnd(text.slice(0, at));
    const answer = text.slice(match.index + match[0].length).trim();
    if (question !== "" && answer !== "") return { question, answer };
  }
  return undefined;
}
