/** The chat in a notebook: the front end's input field, commands, answers that stream in place with their reasoning. */
import { mimeBundle } from "../../views/bundle.ts";
import type { FrontEnd } from "../../views/frontEnd.ts";
import { turnView } from "../../views/turn.ts";
import type { Domain } from "../domain/domainSchema.ts";
import { Draft } from "../draft.ts";
import { languageOf } from "../language/languages.ts";
import type { ChatSession } from "../session.ts";
import { formatTrace, traceValue } from "../trace.ts";
import { commandOf, fill } from "./commands.ts";

/** Chats until the customer quits, or the cell is interrupted. Errors of one answer are shown and end only that answer. */
export async function runNotebookChat(
  session: ChatSession,
  { ui, language }: Domain,
  front: FrontEnd,
  { debug = false }: { debug?: boolean } = {},
): Promise<void> {
  const { signal } = front;
  const say = (text: string) => front.display(mimeBundle(text, undefined));
  let open = debug;
  say(ui.welcome);
  while (!signal.aborted) {
    const line = (await front.readLine(ui.prompt)).trim();
    const command = commandOf(line, ui);
    if (command === "quit") break;
    if (command === "help") say(ui.help);
    else if (command === "clear") {
      session.clear();
      say(ui.cleared);
    } else if (command === "reload") say(ui.cannotReload);
    else if (command !== undefined && session.reasoning === undefined)
      say(languageOf(language).texts.chat.noReasoning);
    else if (command !== undefined) {
      // The page of an answer holds the whole reasoning; it is open or folded.
      open = command === "debugFull" || !open;
      say(open ? ui.debugOn : ui.debugOff);
    } else if (line !== "") {
      try {
        await answer(session, line, ui, signal, open);
      } catch (error) {
        say(fill(ui.error, { message: error instanceof Error ? error.message : String(error) }));
      }
    }
  }
  if (!signal.aborted) say(ui.goodbye);
}

/** One answer in one place. The front end has shown the question where it was typed. */
async function answer(
  session: ChatSession,
  question: string,
  ui: Domain["ui"],
  signal: AbortSignal,
  open: boolean,
): Promise<void> {
  const draft = new Draft({ ui });
  draft.begin();
  for await (const event of session.events(question, { signal })) {
    draft.hear(event);
    if (event.type !== "done") continue;
    const trace = session.lastTrace;
    const traceText = trace && formatTrace(trace);
    const { notes } = draft;
    draft.replace(
      turnView({ ...event, ...(trace ? { trace: traceValue(trace) } : {}) }, { traceText, open, notes }),
    );
  }
}
