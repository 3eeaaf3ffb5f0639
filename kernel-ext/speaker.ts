/** What the kernel says: replies to requests, and on iopub what happens. Printed text waits a moment for more of it. */
import { type Channel, childOf, type Json, type Message } from "./messages.ts";
import { StreamBuffer } from "./output.ts";

export type Send = (channel: Channel, message: Message) => void;

export class Speaker {
  readonly #streams = new StreamBuffer((parent, name, text) =>
    this.publish(parent, "stream", { name, text }),
  );

  /** @param session the kernel's own session id, in all headers */
  constructor(
    private readonly session: string,
    private readonly send: Send,
  ) {}

  /** On iopub, to all clients, after everything that was printed before it. */
  publish(parent: Message | undefined, type: string, content: Json): void {
    if (type !== "stream") this.#streams.flush();
    const message = childOf(parent, type, this.session, content);
    this.send("iopub", { ...message, identities: [Buffer.from(`kernel.${this.session}.${type}`)] });
  }

  reply(channel: Channel, request: Message, type: string, content: Json): void {
    const message = childOf(request, type, this.session, content);
    this.send(channel, { ...message, identities: request.identities });
  }

  /** @returns the id of the question, which the answer names */
  ask(parent: Message | undefined, content: Json): string {
    this.#streams.flush();
    const message = childOf(parent, "input_request", this.session, content);
    this.send("stdin", { ...message, identities: parent?.identities ?? [] });
    return message.header.msg_id;
  }

  print(parent: Message | undefined, name: string, text: string): void {
    this.#streams.add(parent, name, text);
  }

  /** Sends what waits for more. */
  flush(): void {
    this.#streams.flush();
  }
}
