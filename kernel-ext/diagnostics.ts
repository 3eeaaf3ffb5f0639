/** What the type checker has against a cell, as an error of the notebook. */
import type { Diagnostic } from "tslab/dist/converter.js";
import { excerpt } from "./excerpt.ts";
import type { Failure } from "./protocol.ts";

/** Below this number the remarks are about syntax: JavaScript would not run the cell either. */
const FIRST_TYPE_ERROR = 2000;

const HINT = "To run the cell all the same, begin it with // @ts-nocheck";

export function typeErrors(
  code: string,
  { diagnostics, broken }: { diagnostics: readonly Diagnostic[]; broken?: Error },
): Failure {
  if (broken) {
    const evalue = `The type checker failed on this cell: ${broken.message.split("\n")[0]}`;
    return { ename: "CheckerError", evalue, traceback: [evalue, ...broken.message.split("\n").slice(1)] };
  }
  const syntax = diagnostics.some((diagnostic) => diagnostic.code < FIRST_TYPE_ERROR);
  const ename = syntax ? "SyntaxError" : "TypeError";
  const messages = diagnostics.map(
    ({ fileName, start, messageText }) =>
      `${fileName ? `${fileName}:` : ""}${start.line + 1}:${start.character + 1} - ${messageText}`,
  );
  const traceback = diagnostics.flatMap(({ fileName, start }, index) => [
    `\u001b[31m${ename}\u001b[39m ${messages[index]}`,
    ...(fileName ? [] : excerpt(code, start.line + 1, start.character + 1)),
  ]);
  return { ename, evalue: messages.join("\n"), traceback: syntax ? traceback : [...traceback, HINT] };
}
