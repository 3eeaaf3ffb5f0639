/**
 * The thread of the type checker. It lives apart from the sockets, so that a cell that takes seconds to check holds
 * up no heartbeat, and apart from the cells, so that completion answers while one of them loops.
 */
import { parentPort } from "node:worker_threads";
import { complete, completeness, inspect } from "./assist.ts";
import { CellConverter, type Conversion } from "./converter.ts";

export interface Requests {
  /** Converts a cell; what it declares counts from `commit` on. */
  convert: { args: [code: string]; result: Conversion };
  commit: { args: [declarations: string]; result: undefined };
  complete: { args: [code: string, position: number]; result: ReturnType<typeof complete> };
  inspect: { args: [code: string, position: number]; result: ReturnType<typeof inspect> };
  completeness: { args: [code: string]; result: ReturnType<typeof completeness> };
}

export type CheckerRequest = { id: number; name: keyof Requests; args: unknown[] };
export type CheckerReply = { id: number; result?: unknown; error?: string };

const converter = new CellConverter();
let declarations = "";

const handlers: { [N in keyof Requests]: (...args: Requests[N]["args"]) => Requests[N]["result"] } = {
  convert: (code) => converter.convert(declarations, code),
  commit: (next) => {
    declarations = next;
    return undefined;
  },
  complete: (code, position) => complete(converter, declarations, code, position),
  inspect: (code, position) => inspect(converter, declarations, code, position),
  completeness: (code) => completeness(converter, code),
};

parentPort!.on("message", ({ id, name, args }: CheckerRequest) => {
  let reply: CheckerReply;
  try {
    reply = { id, result: (handlers[name] as (...args: unknown[]) => unknown)(...args) };
  } catch (error) {
    reply = { id, error: (error as Error).stack ?? String(error) };
  }
  parentPort!.postMessage(reply);
});

// The first check reads the standard library's types: better now than in the first cell.
converter.convert("", "1");
