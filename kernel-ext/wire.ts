/**
 * Messages as frames of ZeroMQ: identities, a delimiter, the signature, four JSON parts, buffers.
 * Invariant: nothing of a message is parsed before its signature has been found right.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Header, Json, Message } from "./messages.ts";

const DELIMITER = Buffer.from("<IDS|MSG>");
/** Header, parent header, metadata, content. */
const PARTS = 4;

export class Signer {
  /**
   * @param key the connection file's key; empty turns signatures off, which is the front end's choice
   * @param scheme "hmac-" and a hash that Node knows
   */
  constructor(
    private readonly key: string,
    private readonly scheme = "hmac-sha256",
  ) {
    // A wrong scheme shows here and not at the first message.
    if (!scheme.startsWith("hmac-"))
      throw new Error(`Unknown signature scheme "${scheme}" in the connection file: expected hmac-sha256.`);
    this.sign([]);
  }

  /** Hexadecimal, lower case; "" without a key. */
  sign(parts: readonly Buffer[]): string {
    if (this.key === "") return "";
    const hmac = createHmac(this.scheme.slice("hmac-".length), this.key);
    for (const part of parts) hmac.update(part);
    return hmac.digest("hex");
  }

  verifies(signature: Buffer, parts: readonly Buffer[]): boolean {
    const expected = Buffer.from(this.sign(parts));
    return signature.length === expected.length && timingSafeEqual(signature, expected);
  }
}

export function pack(message: Message, signer: Signer): Buffer[] {
  const parts = [message.header, message.parent_header, message.metadata, message.content].map((part) =>
    Buffer.from(JSON.stringify(part)),
  );
  return [...message.identities, DELIMITER, Buffer.from(signer.sign(parts)), ...parts, ...message.buffers];
}

/** @returns undefined for what is no message, or is not signed with the key: such a thing gets no answer */
export function unpack(frames: readonly Buffer[], signer: Signer): Message | undefined {
  const at = frames.findIndex((frame) => frame.equals(DELIMITER));
  if (at < 0 || frames.length < at + 2 + PARTS) return undefined;
  const parts = frames.slice(at + 2, at + 2 + PARTS);
  if (!signer.verifies(frames[at + 1], parts)) return undefined;
  let values: Json[];
  try {
    values = parts.map((part) => JSON.parse(part.toString("utf8")) as Json);
  } catch {
    return undefined;
  }
  if (values.some((value) => typeof value !== "object" || value === null || Array.isArray(value)))
    return undefined;
  const [header, parent_header, metadata, content] = values;
  if (typeof header.msg_type !== "string" || typeof header.msg_id !== "string") return undefined;
  return {
    identities: frames.slice(0, at),
    header: header as unknown as Header,
    parent_header: parent_header as unknown as Header,
    metadata,
    content,
    buffers: frames.slice(at + 2 + PARTS),
  };
}
