/** Jupyter messages as values: what a message holds, and how a new one is begun. No sockets, no bytes. */
import { randomUUID } from "node:crypto";
import { userInfo } from "node:os";

/** The version of Jupyter's messaging protocol that the kernel speaks. */
export const PROTOCOL_VERSION = "5.4";

export type Channel = "shell" | "control" | "stdin" | "iopub";

export type Json = Record<string, unknown>;

export interface Header {
  msg_id: string;
  session: string;
  username: string;
  /** ISO 8601. */
  date: string;
  msg_type: string;
  version: string;
}

export interface Message {
  /** Routing frames of the client, or the topic on iopub; kept as they came, for the reply. */
  identities: Buffer[];
  header: Header;
  parent_header: Header | Record<string, never>;
  metadata: Json;
  content: Json;
  buffers: Buffer[];
}

let cachedName: string | undefined;

function username(): string {
  try {
    cachedName ??= userInfo().username;
  } catch {
    // A container may run under an id that has no name.
    cachedName = "user";
  }
  return cachedName;
}

export function newHeader(type: string, session: string): Header {
  return {
    msg_id: randomUUID(),
    session,
    username: username(),
    date: new Date().toISOString(),
    msg_type: type,
    version: PROTOCOL_VERSION,
  };
}

/** A message that something in the kernel says because of `parent`; undefined where no request is the cause. */
export function childOf(parent: Message | undefined, type: string, session: string, content: Json): Message {
  return {
    identities: [],
    header: newHeader(type, session),
    parent_header: parent?.header ?? {},
    metadata: {},
    content,
    buffers: [],
  };
}

/** A field of a client's message that should be a text; "" where it is none. */
export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
