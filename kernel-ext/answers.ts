/** Completion and inspection as the protocol has them, made of what the type checker knows. */
import type { Checker } from "./checker.ts";
import { toCharacters, toUnits } from "./cursor.ts";
import { type Json, text } from "./messages.ts";

/** Content of a `complete_reply`. */
export async function completeReply(checker: Checker, { code, cursor_pos }: Json): Promise<Json> {
  const source = text(code);
  const { matches, start, end } = await checker.ask("complete", source, position(source, cursor_pos));
  const [cursor_start, cursor_end] = [toCharacters(source, start), toCharacters(source, end)];
  return {
    matches: matches.map((match) => match.text),
    cursor_start,
    cursor_end,
    metadata: {
      _jupyter_types_experimental: matches.map((match) => ({
        ...match,
        start: cursor_start,
        end: cursor_end,
      })),
    },
  };
}

/** Content of an `inspect_reply`. */
export async function inspectReply(checker: Checker, { code, cursor_pos }: Json): Promise<Json> {
  const source = text(code);
  const found = await checker.ask("inspect", source, position(source, cursor_pos));
  if (!found) return { found: false, data: {}, metadata: {} };
  const { signature, documentation } = found;
  const data = {
    "text/plain": documentation === "" ? signature : `${signature}\n\n${documentation}`,
    "text/markdown": `\`\`\`typescript\n${signature}\n\`\`\`\n\n${documentation}`.trim(),
  };
  return { found: true, data, metadata: {} };
}

/** `name?` as a cell shows the type and the documentation of a name in the front end's pager. */
export async function pageReply(checker: Checker, name: string): Promise<Json> {
  const { data } = await inspectReply(checker, { code: name });
  const shown =
    data && Object.keys(data).length > 0 ? data : { "text/plain": `Nothing is known of ${name}.` };
  return { payload: [{ source: "page", data: shown, start: 0 }], user_expressions: {} };
}

/** Where the cursor stands, in UTF-16 units; at the end where it is not told. */
function position(source: string, cursor: unknown): number {
  return typeof cursor === "number" ? toUnits(source, cursor) : source.length;
}
