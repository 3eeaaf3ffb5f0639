/** A front end without a face: starts a kernel, speaks to it over ZeroMQ, and hears what it says. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Dealer, Request, Subscriber } from "zeromq";
import { type Connection, endpoint, type Port } from "./connection.ts";
import { type Channel, type Json, type Message, newHeader } from "./messages.ts";
import { sibling } from "./sibling.ts";
import { pack, Signer, unpack } from "./wire.ts";

/** Seconds that a kernel may take until it answers. */
const START_TIMEOUT = 60;
/** Milliseconds between questions to a kernel that has not been heard yet. */
const KNOCK = 100;
/** Seconds that it may take to end when it is told to. */
const STOP_TIMEOUT = 10;

export interface ClientOptions {
  /** The folder that the kernel works in. Default: the current one. */
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** What to run; the connection file's path is put at the end. Default: this package's kernel. */
  command?: readonly string[];
}

/** What one request has brought, in the order of arrival. */
export interface Answer {
  reply: Message;
  /** Everything on iopub with the request as its parent, from busy to idle. */
  output: Message[];
}

interface Pending {
  output: Message[];
  onOutput: ((message: Message) => void) | undefined;
  reply?: Message;
  idle: boolean;
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

/** Ports that were free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(0, "127.0.0.1", resolve);
      });
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export class KernelClient {
  readonly session = randomUUID();
  readonly #signer: Signer;
  readonly #shell = new Dealer({ linger: 0 });
  readonly #control = new Dealer({ linger: 0 });
  readonly #stdin = new Dealer({ linger: 0 });
  // Without a high-water mark: output that comes faster than it is read must not be dropped.
  readonly #iopub = new Subscriber({ linger: 0, receiveHighWaterMark: 0 });
  readonly #pending = new Map<string, Pending>();
  readonly #sending = new Map<Channel, Promise<void>>();
  readonly #folder: string;
  /** Rejects when the kernel's process ends. */
  readonly #ended: Promise<never>;
  #closed = false;
  /** What the kernel's process has written to its own stderr: why it does not start, for example. */
  log = "";
  /** Called with each message on iopub. */
  onIopub: (message: Message) => void = () => {};
  /** Called when the kernel asks for a line; answered with `reply`. */
  onInput: ((prompt: string, password: boolean, reply: (value: string) => void) => void) | undefined;

  private constructor(
    readonly process: ChildProcess,
    readonly connection: Connection,
    folder: string,
  ) {
    this.#folder = folder;
    this.#signer = new Signer(connection.key, connection.signature_scheme);
    process.stderr?.on("data", (piece: Buffer) => {
      this.log += piece.toString("utf8");
    });
    this.#ended = new Promise((_, reject) => {
      // "close" comes after all of stderr has been read: there is the reason.
      process.once("close", (code, signal) => {
        const how = signal ?? `exit code ${code}`;
        reject(new Error(`The kernel ended (${how}).${this.log === "" ? "" : `\n${this.log}`}`));
      });
      process.once("error", reject);
    });
    this.#ended.catch((error: Error) => this.#fail(error));
  }

  /** Starts a kernel and waits until it answers. */
  static async start({ cwd, env, command }: ClientOptions = {}): Promise<KernelClient> {
    const [shell_port, control_port, stdin_port, iopub_port, hb_port] = await freePorts(5);
    const connection: Connection = {
      transport: "tcp",
      ip: "127.0.0.1",
      key: randomBytes(32).toString("hex"),
      signature_scheme: "hmac-sha256",
      shell_port,
      control_port,
      stdin_port,
      iopub_port,
      hb_port,
    };
    const folder = mkdtempSync(join(tmpdir(), "mistral-lab-"));
    const file = join(folder, "kernel.json");
    // The key lets anybody run code: for the owner's eyes only.
    writeFileSync(file, JSON.stringify(connection), { mode: 0o600 });
    const words = command ?? [process.execPath, ...process.execArgv, sibling(import.meta.url, "main")];
    const child = spawn(words[0], [...words.slice(1), file], {
      cwd,
      // The kernel looks for its starter from time to time: it does not outlive a client that is killed.
      env: { ...(env ?? process.env), JPY_PARENT_PID: String(process.pid) },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const client = new KernelClient(child, connection, folder);
    try {
      await client.#connect();
    } catch (error) {
      await client.kill();
      throw error;
    }
    return client;
  }

  async #connect(): Promise<void> {
    const at = (port: Port) => endpoint(this.connection, port);
    // The kernel names the asker of a line by the identity that it knows from shell.
    this.#shell.routingId = this.session;
    this.#stdin.routingId = this.session;
    const heard = new Promise<void>((resolve) => {
      this.onIopub = () => resolve();
    });
    this.#shell.connect(at("shell_port"));
    this.#control.connect(at("control_port"));
    this.#stdin.connect(at("stdin_port"));
    this.#iopub.connect(at("iopub_port"));
    this.#iopub.subscribe("");
    for (const [channel, socket] of [
      ["shell", this.#shell],
      ["control", this.#control],
      ["stdin", this.#stdin],
      ["iopub", this.#iopub],
    ] as const)
      void this.#listen(channel, socket);
    const late = new Promise<never>((_, reject) => {
      setTimeout(
        () => reject(new Error(`The kernel did not answer within ${START_TIMEOUT} s.\n${this.log}`)),
        START_TIMEOUT * 1000,
      ).unref();
    });
    // Only who is subscribed hears the idle of a request. A kernel of protocol 5.4 welcomes its subscribers; of an
    // older one the first thing heard is the status of some request.
    const knock = () => void this.tell("kernel_info_request", {}).catch(() => {});
    const again = setInterval(knock, KNOCK);
    knock();
    await Promise.race([heard, late, this.#ended]).finally(() => clearInterval(again));
    await Promise.race([this.request("kernel_info_request", {}), late]);
    this.onIopub = () => {};
  }

  async #listen(channel: Channel, socket: Dealer | Subscriber): Promise<void> {
    try {
      for await (const frames of socket) {
        const message = unpack(frames, this.#signer);
        if (message) this.#hear(channel, message);
      }
    } catch (error) {
      if (!this.#closed) this.#fail(error as Error);
    }
  }

  #hear(channel: Channel, message: Message): void {
    if (channel === "iopub") this.onIopub(message);
    if (channel === "stdin" && message.header.msg_type === "input_request") {
      const { prompt, password } = message.content as { prompt: string; password: boolean };
      this.onInput?.(prompt, password, (value) => this.#answer(message, value));
      return;
    }
    const parent = message.parent_header.msg_id;
    const pending = parent === undefined ? undefined : this.#pending.get(parent);
    if (!parent || !pending) return;
    if (channel === "iopub") {
      pending.output.push(message);
      pending.onOutput?.(message);
      if (message.header.msg_type === "status" && message.content.execution_state === "idle")
        pending.idle = true;
    } else pending.reply = message;
    if (!pending.reply || !pending.idle) return;
    this.#pending.delete(parent);
    pending.resolve({ reply: pending.reply, output: pending.output });
  }

  #answer(question: Message, value: string): void {
    const header = newHeader("input_reply", this.session);
    const reply = { identities: [], header, parent_header: question.header, metadata: {}, buffers: [] };
    void this.#send("stdin", { ...reply, content: { value } });
  }

  #fail(error: Error): void {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  /** Frames as they are, for what a well-behaved client would not send. */
  sendFrames(channel: "shell" | "control" | "stdin", frames: Buffer[]): Promise<void> {
    const socket = { shell: this.#shell, control: this.#control, stdin: this.#stdin }[channel];
    const sent = (this.#sending.get(channel) ?? Promise.resolve()).then(() => socket.send(frames));
    this.#sending.set(channel, sent);
    return sent;
  }

  #send(channel: "shell" | "control" | "stdin", message: Message): Promise<void> {
    return this.sendFrames(channel, pack(message, this.#signer));
  }

  message(type: string, content: Json): Message {
    const header = newHeader(type, this.session);
    return { identities: [], header, parent_header: {}, metadata: {}, content, buffers: [] };
  }

  /** Sends, and expects no answer. */
  tell(type: string, content: Json, channel: "shell" | "control" = "shell"): Promise<void> {
    return this.#send(channel, this.message(type, content));
  }

  /** @returns when the reply and the idle that belongs to it are there */
  request(
    type: string,
    content: Json,
    {
      channel = "shell",
      onOutput,
      onId,
    }: {
      channel?: "shell" | "control";
      onOutput?: (message: Message) => void;
      /** Told the request's id before it is sent. */
      onId?: (id: string) => void;
    } = {},
  ): Promise<Answer> {
    const message = this.message(type, content);
    onId?.(message.header.msg_id);
    const answer = new Promise<Answer>((resolve, reject) => {
      this.#pending.set(message.header.msg_id, { output: [], onOutput, idle: false, resolve, reject });
    });
    this.#send(channel, message).catch((error: Error) => this.#fail(error));
    return answer;
  }

  execute(
    code: string,
    options: Json = {},
    onOutput?: (message: Message) => void,
    onId?: (id: string) => void,
  ): Promise<Answer> {
    const content = {
      code,
      silent: false,
      store_history: true,
      user_expressions: {},
      allow_stdin: this.onInput !== undefined,
      stop_on_error: true,
      ...options,
    };
    return this.request("execute_request", content, { onOutput, onId });
  }

  interrupt(): Promise<Answer> {
    return this.request("interrupt_request", {}, { channel: "control" });
  }

  /** The answer of the heartbeat to `text`. */
  async beat(text = "ping"): Promise<string> {
    const socket = new Request({ linger: 0, receiveTimeout: 5000 });
    try {
      socket.connect(endpoint(this.connection, "hb_port"));
      await socket.send(text);
      return (await socket.receive())[0].toString();
    } finally {
      socket.close();
    }
  }

  /** Asks the kernel to end, and waits until it has. */
  async shutdown(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const exited = new Promise<void>((resolve) => {
        this.process.once("exit", () => resolve());
      });
      void this.tell("shutdown_request", { restart: false }, "control").catch(() => {});
      const timer = setTimeout(() => this.process.kill("SIGKILL"), STOP_TIMEOUT * 1000);
      await exited;
      clearTimeout(timer);
    }
    this.#close();
  }

  async kill(): Promise<void> {
    this.process.kill("SIGKILL");
    this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const socket of [this.#shell, this.#control, this.#stdin, this.#iopub]) socket.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
