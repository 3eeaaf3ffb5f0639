/** Comms of cells: channels between a cell and a widget of the front end. */
import { randomUUID } from "node:crypto";
import type { Data, ToUser } from "../protocol.ts";
import { currentRun } from "./cell.ts";
import { tell } from "./channel.ts";

type Handler = (data: Data) => void;

class Comm {
  onMessage: Handler | undefined;
  onClose: Handler | undefined;

  constructor(
    readonly id: string,
    readonly target: string,
    private readonly forget: () => void,
  ) {}

  send(data: Data): void {
    tell({ type: "comm", run: currentRun(), kind: "msg", id: this.id, target: this.target, data });
  }

  close(data: Data = {}): void {
    this.forget();
    tell({ type: "comm", run: currentRun(), kind: "close", id: this.id, target: this.target, data });
  }
}

export class Comms {
  readonly #open = new Map<string, Comm>();
  readonly #targets = new Map<string, (comm: Comm, data: Data) => void>();

  install(): void {
    const comms = {
      open: (target: string, data: Data = {}) => {
        const comm = this.#add(randomUUID(), target);
        tell({ type: "comm", run: currentRun(), kind: "open", id: comm.id, target, data });
        return comm;
      },
      register: (target: string, opened: (comm: Comm, data: Data) => void) => {
        this.#targets.set(target, opened);
      },
    };
    Object.defineProperty(globalThis, "comms", { value: comms, writable: true, configurable: true });
  }

  handle({ kind, id, target, data }: Extract<ToUser, { type: "comm" }>): void {
    if (kind === "open") {
      const opened = this.#targets.get(target);
      // As the protocol has it: an unknown target is closed at once.
      if (!opened) this.#add(id, target).close();
      else opened(this.#add(id, target), data);
      return;
    }
    const comm = this.#open.get(id);
    if (kind === "msg") comm?.onMessage?.(data);
    else {
      this.#open.delete(id);
      comm?.onClose?.(data);
    }
  }

  #add(id: string, target: string): Comm {
    const comm = new Comm(id, target, () => this.#open.delete(id));
    this.#open.set(id, comm);
    return comm;
  }
}
