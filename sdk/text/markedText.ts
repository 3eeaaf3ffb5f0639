/**
 * Tells the template's own text from the messages in a rendered conversation: the template is rendered with a
 * place-holder ("slot") for each message, so that no message text can be taken for the template's.
 */

interface Message {
  role: string;
  content: string;
}

/** A stretch [start, end) of the marked rendering. */
export type MarkedPart = { start: number; end: number } & (
  | { kind: "template"; text: string }
  | { kind: "message"; message: number; trim: (content: string) => string }
);
/** The parts in their order, without gaps. */
export type MarkedText = MarkedPart[];

export interface MarkedMessages<M extends Message> {
  messages: M[];
  /** The place-holder of each message, without its edges. */
  slots: string[];
}

// White space around each slot: where it is gone, the template trims that side of the message.
const edge = "\t";

/** The messages with a slot as content; the real contents take no part, so they cannot collide with slots. */
export function markMessages<M extends Message>(messages: readonly M[]): MarkedMessages<M> {
  const slots = messages.map((_, index) => `\uE000${index}\uE001`);
  return { slots, messages: messages.map((message, i) => ({ ...message, content: edge + slots[i] + edge })) };
}

/**
 * Splits a marked rendering into parts.
 * @param fail makes the error to throw when a message is absent or repeated
 */
export function readMarked(
  rendered: string,
  { slots }: MarkedMessages<Message>,
  messages: readonly Message[],
  fail: (problem: string) => Error,
): MarkedText {
  const found = slots.map((slot, message) => {
    const count = rendered.split(slot).length - 1;
    if (count !== 1) {
      throw fail(
        `expected each message once in the text, got message ${message + 1} (${messages[message].role}) ${count} times. Use a template that writes every message.`,
      );
    }
    const at = rendered.indexOf(slot);
    const left = rendered[at - 1] === edge;
    const right = rendered[at + slot.length] === edge;
    return {
      kind: "message" as const,
      message,
      start: left ? at - 1 : at,
      end: at + slot.length + (right ? 1 : 0),
      trim: (content: string) => {
        const trimmed = left ? content : content.trimStart();
        return right ? trimmed : trimmed.trimEnd();
      },
    };
  });

  const parts: MarkedText = [];
  let at = 0;
  for (const slot of found.sort((a, b) => a.start - b.start)) {
    if (slot.start > at) parts.push(templatePart(rendered, at, slot.start));
    parts.push(slot);
    at = slot.end;
  }
  if (rendered.length > at) parts.push(templatePart(rendered, at, rendered.length));
  return parts;
}

function templatePart(rendered: string, start: number, end: number): MarkedPart {
  return { kind: "template", start, end, text: rendered.slice(start, end) };
}

/**
 * The stretch [from, to) with the real messages in it; special tokens are allowed in the template's text only.
 * @param from, to positions in the marked rendering, not inside a slot
 */
export function piecesBetween(layout: MarkedText, messages: readonly Message[], from: number, to: number) {
  return layout
    .filter(({ start, end }) => start < to && end > from)
    .map((part) =>
      part.kind === "message"
        ? { text: part.trim(messages[part.message].content), allowSpecial: false }
        : { text: part.text.slice(Math.max(0, from - part.start), to - part.start), allowSpecial: true },
    );
}

/** @param fail makes the error to throw when `start` is no prefix of `whole` */
export function assertPrefix(
  start: string,
  whole: string,
  what: string,
  fail: (problem: string) => Error,
): void {
  if (whole.startsWith(start)) return;
  let same = 0;
  while (start[same] === whole[same]) same++;
  const around = (text: string) => JSON.stringify(readable(text.slice(Math.max(0, same - 20), same + 20)));
  throw fail(
    `expected the text up to ${what} to stay the same when the conversation goes on, got ${around(start)} before and ${around(whole)} after. The model would be trained on other prompts than chat sends: use a template that only appends.`,
  );
}

/** Slots as "message 1" and so on. */
function readable(text: string): string {
  return text.replace(/\t?\uE000(\d+)\uE001\t?/g, (_, index) => `{message ${Number(index) + 1}}`);
}
