/**
 * The five sockets of a kernel. Sends on a socket go out one after another, in the order of the calls, each awaited:
 * ZeroMQ refuses a second send while one is under way, and what it refuses is lost.
 */
import { Reply, Router, XPublisher } from "zeromq";
import { type Connection, endpoint } from "./connection.ts";
import { type Channel, childOf, type Message } from "./messages.ts";
import { pack, Signer, unpack } from "./wire.ts";

/** Milliseconds that closing waits for messages on their way to a client that does not read. */
const LINGER = 1000;

type Receive = (channel: Exclude<Channel, "iopub">, message: Message) => void;

export class Sockets {
  readonly #signer: Signer;
  // Without a high-water mark: a burst of output waits in memory instead of being dropped.
  readonly #shell = new Router({ sendHighWaterMark: 0, receiveHighWaterMark: 0, linger: LINGER });
  readonly #control = new Router({ sendHighWaterMark: 0, linger: LINGER });
  readonly #stdin = new Router({ sendHighWaterMark: 0, linger: LINGER });
  readonly #iopub = new XPublisher({ sendHighWaterMark: 0, linger: LINGER, verbosity: "allSubs" });
  readonly #heartbeat = new Reply({ linger: 0 });
  readonly #last = new Map<Channel, Promise<void>>();
  /** What is said before the sockets listen waits for them. */
  readonly #opened: Promise<void>;
  #open!: () => void;
  #closed = false;

  constructor(
    private readonly connection: Connection,
    private readonly session: string,
  ) {
    this.#signer = new Signer(connection.key, connection.signature_scheme);
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  /** Listens on all sockets. A message that is not signed with the key never reaches `receive`. */
  async open(receive: Receive): Promise<void> {
    const at = (port: Parameters<typeof endpoint>[1]) => endpoint(this.connection, port);
    await Promise.all([
      this.#shell.bind(at("shell_port")),
      this.#control.bind(at("control_port")),
      this.#stdin.bind(at("stdin_port")),
      this.#iopub.bind(at("iopub_port")),
      this.#heartbeat.bind(at("hb_port")),
    ]);
    this.#open();
    this.#run(this.#listen("shell", this.#shell, receive));
    this.#run(this.#listen("control", this.#control, receive));
    this.#run(this.#listen("stdin", this.#stdin, receive));
    this.#run(this.#welcome());
    this.#run(this.#beat());
  }

  send(channel: Channel, message: Message): Promise<void> {
    const frames = pack(message, this.#signer);
    const socket = { shell: this.#shell, control: this.#control, stdin: this.#stdin, iopub: this.#iopub }[
      channel
    ];
    const sent = (this.#last.get(channel) ?? this.#opened).then(() =>
      this.#closed ? undefined : socket.send(frames),
    );
    const settled = sent.catch((error: Error) => {
      // A client that has gone cannot be reached; all else would be a fault of the kernel's own.
      if (!this.#closed) process.stderr.write(`mistral-lab kernel: ${channel} send: ${error.message}\n`);
    });
    this.#last.set(channel, settled);
    return settled;
  }

  /** Resolves when everything said so far has been handed to ZeroMQ. */
  async flush(): Promise<void> {
    await Promise.all(this.#last.values());
  }

  async close(): Promise<void> {
    await this.flush();
    this.#closed = true;
    for (const socket of [this.#shell, this.#control, this.#stdin, this.#iopub, this.#heartbeat])
      socket.close();
  }

  #run(loop: Promise<void>): void {
    loop.catch((error: Error) => {
      if (!this.#closed) process.stderr.write(`mistral-lab kernel: receive: ${error.message}\n`);
    });
  }

  async #listen(channel: Exclude<Channel, "iopub">, socket: Router, receive: Receive): Promise<void> {
    for await (const frames of socket) {
      const message = unpack(frames, this.#signer);
      if (message) receive(channel, message);
    }
  }

  /** A subscriber learns that it is heard (`iopub_welcome`), so that it need not guess when output can reach it. */
  async #welcome(): Promise<void> {
    for await (const [frame] of this.#iopub) {
      const subscribes = frame[0] === 1;
      if (!subscribes) continue;
      const topic = frame.subarray(1);
      const message = childOf(undefined, "iopub_welcome", this.session, { subscription: topic.toString() });
      this.send("iopub", { ...message, identities: [Buffer.from(topic)] });
    }
  }

  async #beat(): Promise<void> {
    for await (const frames of this.#heartbeat) await this.#heartbeat.send(frames);
  }
}
