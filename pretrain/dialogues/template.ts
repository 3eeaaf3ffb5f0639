// Fills phrase templates: "[a|b]" is a choice (it may be nested, and empty), "{slot}" is a fact of the conversation.

import type { Random } from "../../sdk/data/random.ts";

/** What stands for a slot; the same slot gives the same value all through one conversation. */
export type Facts = (slot: string) => string;

/** Takes one branch of every choice; slots stay. Throws on a bracket without its partner. */
export function choose(template: string, random: Random): string {
  let text = template;
  for (;;) {
    const inner = /\[([^[\]]*)\]/.exec(text);
    if (!inner) break;
    const branches = inner[1].split("|");
    text =
      text.slice(0, inner.index) +
      branches[random.int(branches.length)] +
      text.slice(inner.index + inner[0].length);
  }
  if (/[[\]|]/.test(text)) throw new Error(`unbalanced choice in "${template}"`);
  return text.replace(/ {2,}/g, " ").trim(); // an empty branch leaves its spaces behind
}

/** How many texts the choices of a template make. */
export function choiceCount(template: string): number {
  // Innermost choices become a number in angle brackets; a branch is the product of the numbers in it.
  const product = (branch: string) =>
    [...branch.matchAll(/<(\d+)>/g)].reduce((all, found) => all * Number(found[1]), 1);
  let text = template;
  while (/\[[^[\]]*\]/.test(text)) {
    text = text.replace(/\[([^[\]]*)\]/g, (_, body: string) => {
      return `<${body.split("|").reduce((sum, branch) => sum + product(branch), 0)}>`;
    });
  }
  return product(text);
}

/** Puts the facts in. */
export function fill(text: string, facts: Facts): string {
  return text.replace(/\{(\w+)\}/g, (_, slot) => facts(slot));
}

/** The first letter, past quotes and dashes, as a capital. */
export function capitalise(text: string): string {
  return text.replace(/^([«"'\s]*)(\p{Ll})/u, (_, before, letter) => before + letter.toUpperCase());
}
