/** What the type checker tells a person who types: completions, types with their documentation, whether a cell ends. */
import { createRequire } from "node:module";
import type { CellConverter } from "./converter.ts";

const require = createRequire(import.meta.url);

export interface Completions {
  matches: { text: string; type: string }[];
  /** What a match replaces, in UTF-16 units. */
  start: number;
  end: number;
}

export function complete(
  converter: CellConverter,
  declarations: string,
  code: string,
  position: number,
): Completions {
  const found = converter.tslab.complete(declarations, code, position);
  const kinds = new Map(found.original?.entries.map(({ name, kind }) => [name, String(kind)]));
  return {
    matches: found.candidates.map((text) => ({ text, type: kinds.get(text) ?? "" })),
    start: found.start,
    end: found.end,
  };
}

export interface Inspection {
  /** The type, as the checker writes it. */
  signature: string;
  /** Markdown; "" where there is none. */
  documentation: string;
}

/** What stands at the position or, right after an opening bracket, what is called there. */
export function inspect(
  converter: CellConverter,
  declarations: string,
  code: string,
  position: number,
): Inspection | undefined {
  const before = code.slice(0, position);
  const called = /[\w$]\s*\([^()]*$/.exec(before);
  for (const at of [position, position - 1, called ? called.index : -1]) {
    if (at < 0 || !/[\w$]/.test(code[at] ?? "")) continue;
    const info = converter.tslab.inspect(declarations, code, at);
    if (!info) continue;
    const text = (parts: readonly { text: string }[] | undefined) =>
      (parts ?? []).map((part) => part.text).join("");
    const tags = (info.tags ?? []).map((tag) => `*@${tag.name}* ${text(tag.text)}`.trim());
    return {
      // Of an imported name, the checker says where it stands as well.
      signature: text(info.displayParts)
        .replace(/^\(alias\) /, "")
        .replace(/\nimport [\w$]+$/, ""),
      documentation: [text(info.documentation), ...tags].filter((line) => line !== "").join("\n\n"),
    };
  }
  return undefined;
}

export interface Completeness {
  status: "complete" | "incomplete" | "invalid";
  /** What the next line begins with. */
  indent?: string;
}

/** Unterminated: template literal, comment, regular expression's or string's bracket that waits for more lines. */
const OPEN_END = new Set([1160, 1010]);

export function completeness(converter: CellConverter, code: string): Completeness {
  const { isCompleteCode } = require("tslab/dist/converter.js") as typeof import("tslab/dist/converter.js");
  const ts = converter.typescript;
  const file = ts.createSourceFile("cell.ts", code, ts.ScriptTarget.Latest) as unknown as {
    parseDiagnostics: { start: number; code: number }[];
  };
  const problems = file.parseDiagnostics;
  if (problems.length === 0) return { status: "complete" };
  const end = code.trimEnd().length;
  const open = problems.every(({ start, code: number }) => start >= end || OPEN_END.has(number));
  if (!open) return { status: "invalid" };
  return { status: "incomplete", indent: isCompleteCode(code).indent ?? "" };
}
