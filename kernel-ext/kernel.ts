/**
 * The kernel: answers requests and says on iopub what happens. It knows no sockets; what it has to say goes to `send`.
 *
 * Cells run one after another. Everything else (completion, inspection, history, …) is answered at once, also while a
 * cell runs. Every request has its busy and its idle, with the reply between them; output names the request that
 * caused it as its parent.
 */
import { completeReply, inspectReply, pageReply } from "./answers.ts";
import { Checker } from "./checker.ts";
import { CommTable } from "./commTable.ts";
import { typeErrors } from "./diagnostics.ts";
import { History } from "./history.ts";
import { kernelInfo } from "./info.ts";
import { type Channel, type Json, type Message, text } from "./messages.ts";
import type { Bundle, Failure, FromUser } from "./protocol.ts";
import { type Send, Speaker } from "./speaker.ts";
import { UserProcess } from "./userProcess.ts";

interface Execution {
  message: Message;
  channel: Channel;
}

/** How a run ended. */
type End = { result?: Bundle; error?: Failure };

/** Runs whose late output still finds its parent. */
const REMEMBERED_RUNS = 10_000;

export class Kernel {
  readonly #checker = new Checker();
  readonly #history = new History();
  readonly #speaker: Speaker;
  readonly #parents = new Map<number, Message>();
  readonly #comms = new CommTable();
  readonly #inputs = new Map<string, number>();
  readonly #ends = new Map<number, (end: End) => void>();
  #user = this.#start();
  #queue: Execution[] = [];
  #running: Message | undefined;
  #count = 0;
  #run = 0;

  /**
   * @param session the kernel's own session id, in all headers
   * @param stopped called after a shutdown's reply has been sent
   */
  constructor(
    session: string,
    send: Send,
    private readonly stopped: () => void,
  ) {
    this.#speaker = new Speaker(session, send);
    this.#speaker.publish(undefined, "status", { execution_state: "starting" });
  }

  handle(channel: Exclude<Channel, "iopub">, message: Message): void {
    const { content } = message;
    switch (message.header.msg_type) {
      case "execute_request":
        this.#queue.push({ message, channel });
        void this.#pump();
        break;
      case "kernel_info_request":
        this.#answer(channel, message, "kernel_info_reply", () => kernelInfo());
        break;
      case "complete_request":
        this.#answer(channel, message, "complete_reply", () => completeReply(this.#checker, content));
        break;
      case "inspect_request":
        this.#answer(channel, message, "inspect_reply", () => inspectReply(this.#checker, content));
        break;
      case "is_complete_request":
        this.#answer(channel, message, "is_complete_reply", () =>
          this.#checker.ask("completeness", text(content.code)),
        );
        break;
      case "history_request":
        this.#answer(channel, message, "history_reply", () => ({ history: this.#history.find(content) }));
        break;
      case "comm_info_request":
        this.#answer(channel, message, "comm_info_reply", () => this.#comms.info(content));
        break;
      case "interrupt_request":
        this.#answer(channel, message, "interrupt_reply", () => {
          this.interrupt();
          return {};
        });
        break;
      case "shutdown_request":
        void this.#shutdown(channel, message);
        break;
      case "comm_open":
      case "comm_msg":
      case "comm_close":
        this.#status(message, "busy");
        this.#user.send(this.#comms.fromClient(message));
        this.#status(message, "idle");
        break;
      case "input_reply":
        this.#handleInput(message);
        break;
      default:
        process.stderr.write(`mistral-lab kernel: no such request: ${message.header.msg_type}\n`);
    }
  }

  /** Stops the running cell; what waits behind it is not run. */
  interrupt(): void {
    if (!this.#running) return;
    this.#abortQueue();
    this.#user.interrupt();
  }

  /** Ends the process of the cells and all that it has started. */
  async close(): Promise<void> {
    this.#speaker.flush();
    await Promise.all([this.#user.close(), this.#checker.close()]);
  }

  #start(): UserProcess {
    return new UserProcess({
      message: (message) => this.#hear(message),
      raw: (name, written) => this.#speaker.print(this.#parents.get(this.#run), name, written),
      died: (how) => this.#died(how),
    });
  }

  /** The process of the cells has crashed: the cell fails, and an empty process stands ready for the next one. */
  #died(how: string): void {
    const message = `The process of the cells ${how}. Its variables are gone; the next cell begins anew.`;
    const error = { ename: "KernelDied", evalue: message, traceback: [message] };
    void this.#checker.ask("commit", "");
    this.#comms.clear();
    this.#user = this.#start();
    for (const end of [...this.#ends.values()]) end({ error });
  }

  #status(request: Message, state: "busy" | "idle"): void {
    this.#speaker.publish(request, "status", { execution_state: state });
    // Front ends show the latest status: an answer on the side must not look like the end of the cell.
    if (state === "idle" && this.#running && this.#running !== request)
      this.#speaker.publish(this.#running, "status", { execution_state: "busy" });
  }

  #answer(channel: Channel, request: Message, type: string, work: () => object | Promise<object>): void {
    this.#status(request, "busy");
    Promise.resolve()
      .then(work)
      .then(
        (content) => this.#speaker.reply(channel, request, type, { status: "ok", ...content }),
        (error: Error) => {
          const traceback = (error.stack ?? String(error)).split("\n");
          const failure = { ename: error.name, evalue: error.message, traceback };
          this.#speaker.reply(channel, request, type, { status: "error", ...failure });
        },
      )
      .finally(() => this.#status(request, "idle"));
  }

  async #pump(): Promise<void> {
    if (this.#running) return;
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      this.#running = next.message;
      this.#status(next.message, "busy");
      const content = await this.#execute(next.message);
      this.#speaker.flush();
      this.#speaker.reply(next.channel, next.message, "execute_reply", content);
      this.#running = undefined;
      this.#status(next.message, "idle");
      if (content.status === "error" && next.message.content.stop_on_error !== false) this.#abortQueue();
    }
  }

  async #execute(request: Message): Promise<Json> {
    const { content } = request;
    const silent = content.silent === true;
    const stored = !silent && content.store_history !== false;
    if (stored) this.#count++;
    const count = this.#count;
    if (typeof content.code !== "string") {
      const evalue = `execute_request has ${JSON.stringify(content.code)} for "code", expected a string.`;
      return { status: "error", execution_count: count, ename: "BadRequest", evalue, traceback: [evalue] };
    }
    const { code } = content;
    if (stored) this.#history.add(count, code);
    if (!silent) this.#speaker.publish(request, "execute_input", { code, execution_count: count });
    const asked = /^\s*([\w$.]+)\?\s*$/.exec(code);
    if (asked) return { status: "ok", execution_count: count, ...(await pageReply(this.#checker, asked[1])) };
    const { result, error } = await this.#evaluate(request, code, `In[${count}]`, true);
    if (error) {
      this.#speaker.publish(request, "error", { ...error });
      return { status: "error", execution_count: count, ...error };
    }
    if (result && !silent) {
      this.#speaker.publish(request, "execute_result", { execution_count: count, ...result });
      if (stored) this.#history.setOutput(count, String(result.data["text/plain"] ?? ""));
    }
    return {
      status: "ok",
      execution_count: count,
      payload: [],
      user_expressions: await this.#expressions(request),
    };
  }

  /** Converts and runs; what it declares counts for the cells after it, also when it fails halfway. */
  async #evaluate(request: Message, code: string, name: string, declares: boolean): Promise<End> {
    const conversion = await this.#checker.ask("convert", code).catch((error: Error) => ({
      ok: false as const,
      diagnostics: [],
      broken: error,
    }));
    if (!conversion.ok) return { error: typeErrors(code, conversion) };
    const { converted, declarations } = conversion;
    if (declares) void this.#checker.ask("commit", declarations);
    const run = ++this.#run;
    this.#parents.set(run, request);
    if (this.#parents.size > REMEMBERED_RUNS) this.#parents.delete(run - REMEMBERED_RUNS);
    const end = new Promise<End>((resolve) => {
      this.#ends.set(run, resolve);
    });
    const allowInput = request.content.allow_stdin === true;
    this.#user.send({ type: "run", run, name, code, converted, allowInput });
    const ended = await end;
    this.#ends.delete(run);
    return ended;
  }

  async #expressions(request: Message): Promise<Json> {
    const out: Json = {};
    const wanted = request.content.user_expressions;
    if (typeof wanted !== "object" || wanted === null) return out;
    for (const [key, expression] of Object.entries(wanted)) {
      const { result, error } = await this.#evaluate(
        request,
        `(${expression}\n)`,
        `Expression[${key}]`,
        false,
      );
      if (error) out[key] = { status: "error", ...error };
      else out[key] = { status: "ok", ...(result ?? { data: { "text/plain": "undefined" }, metadata: {} }) };
    }
    return out;
  }

  #abortQueue(): void {
    const aborted = this.#queue;
    this.#queue = [];
    for (const { channel, message } of aborted) {
      this.#status(message, "busy");
      this.#speaker.reply(channel, message, "execute_reply", {
        status: "aborted",
        execution_count: this.#count,
      });
      this.#status(message, "idle");
    }
  }

  #hear(message: FromUser): void {
    if (message.type === "ready") return;
    const parent = this.#parents.get(message.run);
    switch (message.type) {
      case "stream":
        this.#speaker.print(parent, message.name, message.text);
        break;
      case "display": {
        const type = message.update ? "update_display_data" : "display_data";
        const transient = message.id === undefined ? {} : { display_id: message.id };
        this.#speaker.publish(parent, type, { ...message.bundle, transient });
        break;
      }
      case "clear":
        this.#speaker.publish(parent, "clear_output", { wait: message.wait });
        break;
      case "input":
        this.#ask(parent, message);
        break;
      case "comm":
        this.#speaker.publish(parent, `comm_${message.kind}`, this.#comms.fromCell(message));
        break;
      case "done":
        this.#ends.get(message.run)?.(message);
    }
  }

  #ask(parent: Message | undefined, { id, prompt, password }: Extract<FromUser, { type: "input" }>): void {
    this.#inputs.set(this.#speaker.ask(parent, { prompt, password }), id);
  }

  #handleInput({ parent_header, content }: Message): void {
    const asked = parent_header.msg_id;
    // Some clients leave the parent out: then it is the latest question's answer.
    const key = asked !== undefined && this.#inputs.has(asked) ? asked : [...this.#inputs.keys()].at(-1);
    if (key === undefined) return;
    this.#user.send({ type: "input", id: this.#inputs.get(key)!, value: text(content.value) });
    this.#inputs.delete(key);
  }

  async #shutdown(channel: Channel, request: Message): Promise<void> {
    this.#status(request, "busy");
    const content = { status: "ok", restart: request.content.restart === true };
    this.#queue = [];
    await this.close();
    this.#speaker.reply(channel, request, "shutdown_reply", content);
    this.#speaker.publish(request, "shutdown_reply", content);
    this.#status(request, "idle");
    this.stopped();
  }
}
