/** Which comms are open, on the way between the front end's messages and the process of the cells. */
import { type Json, type Message, text } from "./messages.ts";
import type { FromUser, ToUser } from "./protocol.ts";

type CommKind = "open" | "msg" | "close";

export class CommTable {
  /** Targets by comm. */
  readonly #open = new Map<string, string>();

  /** What a client says of a comm, for the cells. */
  fromClient({ header, content }: Message): Extract<ToUser, { type: "comm" }> {
    const kind = header.msg_type.slice("comm_".length) as CommKind;
    const [id, target] = [text(content.comm_id), text(content.target_name)];
    this.#note(kind, id, target);
    return { type: "comm", kind, id, target, data: (content.data ?? {}) as Json };
  }

  /** What a cell says of a comm: the content of a message on iopub. */
  fromCell({ kind, id, target, data }: Extract<FromUser, { type: "comm" }>): Json {
    this.#note(kind, id, target);
    return kind === "open" ? { comm_id: id, target_name: target, data } : { comm_id: id, data };
  }

  /** Content of a `comm_info_reply`. */
  info({ target_name }: Json): Json {
    const open = [...this.#open].filter(([, target]) => target_name === undefined || target === target_name);
    return { comms: Object.fromEntries(open.map(([id, target]) => [id, { target_name: target }])) };
  }

  /** The cells' process is gone, and all ends of comms in it. */
  clear(): void {
    this.#open.clear();
  }

  #note(kind: CommKind, id: string, target: string): void {
    if (kind === "open") this.#open.set(id, target);
    if (kind === "close") this.#open.delete(id);
  }
}
