/**
 * The chat for other programs: lines in, values out. The commands are those of the terminal, so that a program can do
 * what a person can; what the terminal would say about one is in `text`.
 */

import type { Domain } from "../domain/domainSchema.ts";
import { languageOf } from "../language/languages.ts";
import type { ChatSession } from "../session.ts";
import type { ReasoningTrace } from "../trace.ts";
import { AdapterSwitch, helpText, type NamedModels } from "./adapterSwitch.ts";
import { type Command, commandOf, fill } from "./commands.ts";

export type JsonChatEvent =
  /** The trace is absent without reasoning. */
  | { type: "answer"; question: string; answer: string; seconds: number; trace?: ReasoningTrace }
  | { type: "command"; command: Command | "adapter"; text: string }
  /** One line failed; the chat goes on. */
  | { type: "error"; message: string; question: string };

/** Options of jsonChat. */
export interface JsonChatOptions {
  /** Models that "adapter NAME" switches between; the first is the session's. Default: none, and the word is said. */
  adapters?: NamedModels;
  /** Reads the domain again, for the command "reload". Default: none, and the command says so. */
  reload?: () => Promise<Domain>;
}

/** Chats until the lines end or one of them quits. Empty lines are passed over. */
export async function* jsonChat(
  session: ChatSession,
  domain: Domain,
  lines: AsyncIterable<string>,
  { adapters, reload }: JsonChatOptions = {},
): AsyncGenerator<JsonChatEvent, void> {
  const adapterSwitch = adapters && new AdapterSwitch(session, adapters);
  let { ui, language } = domain;
  for await (const line of lines) {
    const question = line.trim();
    if (question === "") continue;
    const command = commandOf(question, ui);
    if (command === "quit") return;
    const switched = command === undefined ? adapterSwitch?.obey(question, language) : undefined;
    try {
      if (switched !== undefined) yield { type: "command", command: "adapter", text: switched };
      else if (command === undefined) yield await answerJson(session, question);
      else if (command === "reload" && reload !== undefined) {
        const next = await reload();
        session.useDomain(next);
        ({ ui, language } = next);
        yield { type: "command", command, text: fill(ui.reloaded, { name: next.name }) };
      } else {
        if (command === "clear") session.clear();
        // The trace comes with every answer, whole: "debug" turns nothing here.
        const help = helpText({ ui, language }, adapterSwitch);
        const { noReasoning } = languageOf(language).texts.chat;
        const shown = session.reasoning === undefined ? { debug: noReasoning, debugFull: noReasoning } : {};
        const { cleared: clear, cannotReload: reload, debugOn: debug, debugFull } = ui;
        yield {
          type: "command",
          command,
          text: { help, clear, reload, debug, debugFull, ...shown }[command],
        };
      }
    } catch (error) {
      yield { type: "error", message: error instanceof Error ? error.message : String(error), question };
    }
  }
}

/** One question, answered. */
export async function answerJson(session: ChatSession, question: string): Promise<JsonChatEvent> {
  const started = performance.now();
  let answer = "";
  for await (const piece of session.say(question)) answer += piece;
  const seconds = (performance.now() - started) / 1000;
  const { lastTrace: trace } = session;
  return { type: "answer", question, answer: answer.trim(), seconds, ...(trace ? { trace } : {}) };
}
