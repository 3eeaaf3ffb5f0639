/**
 * The chat in a terminal: line editing, commands, streaming, Ctrl-C. Where input or output is no terminal it
 * is a plain filter: a line in, an answer out, nothing else.
 */
import { createInterface, type Interface } from "node:readline";
import pc from "picocolors";
import { harmless } from "../../text/harmless.ts";
import type { Domain } from "../domain/domainSchema.ts";
import { languageOf } from "../language/languages.ts";
import type { ChatEvent, ChatSession } from "../session.ts";
import { formatTrace } from "../trace.ts";
import { AdapterSwitch, helpText, type NamedModels } from "./adapterSwitch.ts";
import { type Command, commandOf, fill } from "./commands.ts";
import { Echo } from "./echo.ts";
import { Spinner } from "./spinner.ts";
import { textWidth, WordWrap } from "./wordWrap.ts";

/** A stream that may be a terminal. */
export type TerminalInput = NodeJS.ReadableStream & { isTTY?: boolean };
export type TerminalOutput = NodeJS.WritableStream & { isTTY?: boolean; columns?: number };

/** Options of runTerminalChat. */
export interface TerminalOptions {
  /** Default: standard input. */
  input?: TerminalInput;
  /** Default: standard output. */
  output?: TerminalOutput;
  /** For the errors of answers, where the output is no terminal. Default: standard error. */
  errorOutput?: NodeJS.WritableStream;
  /** Show the reasoning after each answer from the start. Default: false; the command "debug" turns it. */
  debug?: boolean;
  /** Reads the domain again, for the command "reload". Default: none, and the command says so. */
  reload?: () => Promise<Domain>;
  /** Models that the command "adapter NAME" switches between; the first is the session's. Default: none. */
  adapters?: NamedModels;
  /** ANSI colours. Default: where the output is a terminal and NO_COLOR is not set. */
  color?: boolean;
}

/**
 * Chats until the customer quits or the input ends. Errors of one answer are shown and end only that answer.
 *
 * @returns how many answers ended in an error
 */
export async function runTerminalChat(
  session: ChatSession,
  domain: Domain,
  options: TerminalOptions = {},
): Promise<{ failed: number }> {
  const chat = new TerminalChat(session, domain, options);
  await chat.run();
  return { failed: chat.failed };
}

class TerminalChat {
  /** Answers that ended in an error. */
  failed = 0;
  readonly #session: ChatSession;
  #ui: Domain["ui"];
  #language: Domain["language"];
  readonly #reload: TerminalOptions["reload"];
  readonly #adapters: AdapterSwitch | undefined;
  readonly #input: TerminalInput;
  readonly #output: TerminalOutput;
  readonly #errorOutput: NodeJS.WritableStream;
  readonly #interactive: boolean;
  readonly #color: boolean;
  readonly #paint: ReturnType<typeof pc.createColors>;
  #debug: boolean;
  /** True where the reasoning is shown with everything in it. */
  #full = false;
  /** Set while an answer is being given. */
  #answering: AbortController | undefined;
  /** True after Ctrl-C on an empty line: the next one quits. */
  #warned = false;

  constructor(session: ChatSession, domain: Domain, options: TerminalOptions) {
    this.#session = session;
    this.#ui = domain.ui;
    this.#language = domain.language;
    this.#reload = options.reload;
    this.#adapters = options.adapters && new AdapterSwitch(session, options.adapters);
    this.#input = options.input ?? process.stdin;
    this.#output = options.output ?? process.stdout;
    this.#interactive = this.#input.isTTY === true && this.#output.isTTY === true;
    this.#errorOutput = this.#interactive ? this.#output : (options.errorOutput ?? process.stderr);
    this.#color = options.color ?? (this.#output.isTTY === true && !process.env.NO_COLOR);
    this.#paint = pc.createColors(this.#color);
    this.#debug = options.debug ?? false;
  }

  async run(): Promise<void> {
    const echo = this.#interactive ? new Echo(this.#output) : undefined;
    const rl = createInterface({
      input: this.#input,
      output: echo,
      terminal: this.#interactive,
      prompt: this.#paint.green(this.#ui.prompt),
    });
    rl.on("SIGINT", () => this.#interrupt(rl));
    // Lines that were typed while nothing was echoed are shown when their turn comes.
    let unseen = 0;
    rl.on("line", () => {
      if (echo?.quiet) unseen++;
    });
    // The iterator is made before anything is awaited: lines typed meanwhile wait in it.
    const lines = rl[Symbol.asyncIterator]();
    if (this.#interactive) {
      this.#print(this.#paint.bold(this.#ui.welcome));
      rl.prompt();
    }
    for (let next = await lines.next(); !next.done; next = await lines.next()) {
      this.#warned = false;
      if (echo !== undefined) {
        echo.quiet = true;
        if (unseen > 0) this.#print(`${rl.getPrompt()}${harmless(next.value)}`);
        unseen = Math.max(0, unseen - 1);
      }
      const text = next.value.trim();
      const command = commandOf(text, this.#ui);
      if (command === "quit") break;
      const switched = this.#adapters?.obey(text, this.#language);
      if (command !== undefined) await this.#obey(command, rl);
      else if (switched !== undefined) this.#print(harmless(switched));
      else if (text !== "") await this.#answer(text);
      if (echo === undefined || unseen > 0) continue;
      echo.quiet = false;
      // What was typed meanwhile was not drawn: there are no rows of it to clear.
      Object.assign(rl, { prevRows: 0 });
      rl.prompt(true);
    }
    rl.close();
    echo?.destroy();
    if (this.#interactive) this.#print(this.#ui.goodbye);
  }

  async #obey(command: Command, rl: Interface): Promise<void> {
    if (command === "help") this.#print(helpText({ ui: this.#ui, language: this.#language }, this.#adapters));
    if (command === "clear") {
      this.#session.clear();
      this.#print(this.#ui.cleared);
    }
    if (command === "reload") await this.#readAgain(rl);
    if (command !== "debug" && command !== "debugFull") return;
    if (this.#session.reasoning === undefined) {
      this.#print(languageOf(this.#language).texts.chat.noReasoning);
    } else if (command === "debug") {
      this.#debug = !this.#debug;
      this.#full = false;
      this.#print(this.#debug ? this.#ui.debugOn : this.#ui.debugOff);
    } else {
      this.#debug = true;
      this.#full = true;
      this.#print(this.#ui.debugFull);
    }
  }

  /** A file with a fault changes nothing: its faults are shown, and the chat goes on with what it had. */
  async #readAgain(rl: Interface): Promise<void> {
    if (this.#reload === undefined) {
      this.#print(this.#ui.cannotReload);
      return;
    }
    try {
      const domain = await this.#reload();
      this.#session.useDomain(domain);
      this.#ui = domain.ui;
      this.#language = domain.language;
      rl.setPrompt(this.#paint.green(this.#ui.prompt));
      this.#print(fill(this.#ui.reloaded, { name: harmless(domain.name) }));
    } catch (error) {
      const message = harmless(error instanceof Error ? error.message : String(error));
      this.#print(this.#paint.red(fill(this.#ui.error, { message })));
    }
  }

  /** Ctrl-C: stops the answer; on a typed line drops the line; on an empty one warns, then quits. */
  #interrupt(rl: Interface): void {
    if (this.#answering !== undefined) {
      this.#answering.abort();
      return;
    }
    if (rl.line !== "") {
      rl.write(null, { ctrl: true, name: "e" });
      rl.write(null, { ctrl: true, name: "u" });
      return;
    }
    if (this.#warned) {
      this.#print("");
      rl.close();
      return;
    }
    this.#warned = true;
    this.#print(`\n${this.#paint.dim(this.#ui.quitHint)}`);
    rl.prompt();
  }

  async #answer(text: string): Promise<void> {
    this.#answering = new AbortController();
    const { signal } = this.#answering;
    try {
      if (this.#interactive) await this.#stream(this.#session.events(text, { signal }));
      else {
        await this.#write(this.#session.say(text, { signal }));
      }
      const { lastTrace } = this.#session;
      if (this.#debug && lastTrace !== undefined)
        this.#print(
          formatTrace(lastTrace, {
            color: this.#color,
            width: Math.min(this.#output.columns ?? 80, 110),
            full: this.#full,
          }),
        );
    } catch (error) {
      this.failed++;
      const message = harmless(error instanceof Error ? error.message : String(error));
      this.#errorOutput.write(`${this.#paint.red(fill(this.#ui.error, { message }))}\n`);
    } finally {
      this.#answering = undefined;
    }
  }

  /** An answer as a line for a pipe; one that breaks off has a line of its own too. */
  async #write(pieces: AsyncIterable<string>): Promise<void> {
    let begun = false;
    try {
      for await (const piece of pieces) {
        this.#output.write(harmless(piece));
        begun = true;
      }
    } catch (error) {
      if (begun) this.#print("");
      throw error;
    }
    this.#print("");
  }

  /** Shows an answer as it comes. */
  async #stream(events: AsyncIterable<ChatEvent>): Promise<void> {
    const { red, dim, cyan, yellow } = this.#paint;
    const spinner = new Spinner(this.#output, dim(this.#ui.thinking));
    let begun = false;
    let wrap = new WordWrap(this.#output, 0);
    try {
      spinner.start();
      for await (const event of events) {
        if (event.type === "piece") {
          spinner.stop();
          if (!begun) {
            this.#output.write(cyan(this.#ui.assistant));
            wrap = new WordWrap(this.#output, textWidth(this.#ui.assistant));
          }
          begun = true;
          wrap.write(harmless(event.text));
        } else if (event.type === "replace") {
          spinner.stop();
          const wrong = event.finding.issues.find(({ severity }) => severity === "error");
          const issue = harmless(wrong?.message ?? "");
          this.#print(`${begun ? "\n" : ""}${yellow(fill(this.#ui.retrying, { issue }))}`);
          begun = false;
          spinner.start();
        } else if (event.type === "done") {
          spinner.stop();
          const rate = (event.tokens / Math.max(event.seconds, 1e-3)).toFixed(0);
          const values = { tokens: String(event.tokens), seconds: event.seconds.toFixed(1), rate };
          if (event.aborted) this.#output.write(red(` ${this.#ui.stopped}`));
          this.#print(`\n${dim(fill(this.#ui.speed, values))}`);
        }
      }
    } catch (error) {
      // The message begins on a line of its own.
      spinner.stop();
      if (begun) this.#print("");
      throw error;
    } finally {
      spinner.stop();
    }
  }

  #print(text: string): void {
    this.#output.write(`${text}\n`);
  }
}
