/** The protocol apart from sockets and processes. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConnection } from "../../kernel-ext/connection.ts";
import { isUnchecked } from "../../kernel-ext/converter.ts";
import { toCharacters, toUnits } from "../../kernel-ext/cursor.ts";
import { typeErrors } from "../../kernel-ext/diagnostics.ts";
import { History } from "../../kernel-ext/history.ts";
import { childOf, type Message, newHeader } from "../../kernel-ext/messages.ts";
import { StreamBuffer } from "../../kernel-ext/output.ts";
import { encodeFrame, FrameReader, type FromUser } from "../../kernel-ext/protocol.ts";
import { pack, Signer, unpack } from "../../kernel-ext/wire.ts";

const message = (content = {}): Message => ({
  identities: [Buffer.from("who")],
  header: newHeader("execute_request", "session"),
  parent_header: {},
  metadata: { a: 1 },
  content,
  buffers: [Buffer.from([1, 2])],
});

describe("wire", () => {
  const signer = new Signer("secret");

  it("brings back what was packed", () => {
    const sent = message({ code: "1 + 1 // é" });
    assert.deepEqual(unpack(pack(sent, signer), signer), sent);
  });

  it("signs as RFC 2104 has it", () => {
    // Test case 2 of RFC 4231.
    assert.equal(
      new Signer("Jefe").sign([Buffer.from("what do ya want "), Buffer.from("for nothing?")]),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    );
  });

  it("refuses another key, a changed part, and a missing signature", () => {
    assert.equal(unpack(pack(message(), new Signer("other")), signer), undefined);
    assert.equal(unpack(pack(message(), new Signer("")), signer), undefined);
    for (const part of [2, 3, 4, 5, 6]) {
      const frames = pack(message(), signer);
      frames[part] = Buffer.from(`${frames[part]} `);
      assert.equal(unpack(frames, signer), undefined);
    }
  });

  it("parses nothing before the signature is found right", () => {
    const frames = pack(message(), signer);
    // Would throw, were it parsed.
    frames[3] = Buffer.from("{");
    assert.equal(unpack(frames, signer), undefined);
  });

  it("takes signed nonsense for no message", () => {
    for (const parts of [
      ["1", "{}", "{}", "{}"],
      ["{", "{}", "{}", "{}"],
      ["{}", "{}", "{}", "{}"],
    ]) {
      const frames = parts.map((part) => Buffer.from(part));
      const signature = Buffer.from(signer.sign(frames));
      assert.equal(unpack([Buffer.from("<IDS|MSG>"), signature, ...frames], signer), undefined);
    }
    assert.equal(unpack([Buffer.from("<IDS|MSG>")], signer), undefined);
  });

  it("needs no signature where there is no key", () => {
    const open = new Signer("");
    assert.equal(unpack(pack(message(), open), open)?.header.msg_type, "execute_request");
  });

  it("names a scheme that it does not know", () => {
    assert.throws(() => new Signer("key", "rsa"), {
      message: 'Unknown signature scheme "rsa" in the connection file: expected hmac-sha256.',
    });
  });

  it("gives a child its parent's header", () => {
    const parent = message();
    assert.equal(childOf(parent, "stream", "session", {}).parent_header, parent.header);
    assert.deepEqual(childOf(undefined, "status", "session", {}).parent_header, {});
  });
});

describe("connection file", () => {
  it("has all of its problems told at once", () => {
    const folder = mkdtempSync(join(tmpdir(), "mistral-lab-connection-"));
    const file = join(folder, "kernel.json");
    writeFileSync(
      file,
      JSON.stringify({ transport: "udp", ip: "127.0.0.1", shell_port: 1, stdin_port: 2, iopub_port: 3 }),
    );
    assert.throws(() => readConnection(file), {
      message: `The connection file ${file} is wrong: transport is "udp", expected "tcp" or "ipc"; control_port is undefined, expected a number; hb_port is undefined, expected a number.`,
    });
    rmSync(folder, { recursive: true });
  });
});

describe("frames between the processes", () => {
  const frames: FromUser[] = [
    { type: "ready" },
    { type: "stream", run: 1, name: "stdout", text: "é🧀".repeat(1000) },
    { type: "clear", run: 2, wait: true },
  ];

  it("come together from pieces of any size", () => {
    const bytes = Buffer.concat(frames.map(encodeFrame));
    for (const size of [1, 3, 7, 1000, bytes.length]) {
      const reader = new FrameReader();
      const got: FromUser[] = [];
      for (let at = 0; at < bytes.length; at += size) got.push(...reader.read(bytes.subarray(at, at + size)));
      assert.deepEqual(got, frames);
    }
  });
});

describe("cursor", () => {
  it("goes between characters and UTF-16 units", () => {
    const text = "a🧀é.b";
    assert.deepEqual(
      [0, 1, 2, 3, 9].map((at) => toUnits(text, at)),
      [0, 1, 3, 4, 6],
    );
    assert.deepEqual(
      [0, 1, 3, 4, 6].map((at) => toCharacters(text, at)),
      [0, 1, 2, 3, 5],
    );
  });
});

describe("printed text on its way to iopub", () => {
  it("is one message where it comes in quick succession, and keeps its order", () => {
    const sent: [unknown, string, string][] = [];
    const buffer = new StreamBuffer((...all) => sent.push(all));
    const [one, two] = [message(), message()];
    buffer.add(one, "stdout", "a");
    buffer.add(one, "stdout", "b");
    buffer.add(one, "stderr", "c");
    buffer.add(two, "stderr", "d");
    buffer.flush();
    buffer.flush();
    assert.deepEqual(sent, [
      [one, "stdout", "ab"],
      [one, "stderr", "c"],
      [two, "stderr", "d"],
    ]);
  });

  it("goes out by itself after a moment", async () => {
    const text = await new Promise((resolve) => {
      new StreamBuffer((_, __, sent) => resolve(sent)).add(undefined, "stdout", "alone");
    });
    assert.equal(text, "alone");
  });
});

describe("history", () => {
  const history = new History();
  for (const [line, code] of ["let a = 1", "a", "let b = 2", "a"].entries()) history.add(line + 1, code);
  history.setOutput(2, "1");
  const lines = (request: object) => history.find({ ...request }).map(([, line]) => line);

  it("gives the tail, a range and what matches a pattern", () => {
    assert.deepEqual(lines({ hist_access_type: "tail", n: 3 }), [2, 3, 4]);
    assert.deepEqual(lines({ hist_access_type: "tail", n: 0 }), []);
    assert.deepEqual(lines({ hist_access_type: "range", session: 0, start: 2, stop: 4 }), [2, 3]);
    assert.deepEqual(lines({ hist_access_type: "range", session: 7, start: 1 }), []);
    assert.deepEqual(lines({ hist_access_type: "search", pattern: "let ?*" }), [1, 3]);
    assert.deepEqual(lines({ hist_access_type: "search", pattern: "a", unique: true }), [4]);
    assert.deepEqual(lines({ hist_access_type: "search", pattern: "*", n: 2 }), [3, 4]);
  });

  it("gives outputs where they are asked for", () => {
    assert.deepEqual(history.find({ hist_access_type: "tail", n: 3, output: true }), [
      [1, 2, ["a", "1"]],
      [1, 3, ["let b = 2", null]],
      [1, 4, ["a", null]],
    ]);
  });
});

describe("the switch that runs a cell unchecked", () => {
  it("stands among the comments that begin the cell", () => {
    assert.ok(isUnchecked("// @ts-nocheck\n1"));
    assert.ok(isUnchecked("\n// why\n/* because\n it is so */ // @ts-nocheck\n1"));
    assert.ok(!isUnchecked("1 // @ts-nocheck"));
    assert.ok(!isUnchecked('const text = "\\n// @ts-nocheck"'));
  });
});

describe("type errors", () => {
  const at = (line: number, character: number, messageText: string, code: number) => ({
    start: { line, character, offset: 0 },
    end: { line, character, offset: 0 },
    messageText,
    code,
    category: 1,
  });

  it("say line and column from 1, all of them, and how to run the cell all the same", () => {
    const failure = typeErrors("a\nbb", {
      diagnostics: [at(0, 0, "First.", 2304), at(1, 1, "Second.", 2322)],
    });
    assert.equal(failure.ename, "TypeError");
    assert.equal(failure.evalue, "1:1 - First.\n2:2 - Second.");
    assert.equal(failure.traceback.at(-1), "To run the cell all the same, begin it with // @ts-nocheck");
  });

  it("tell a failure of the checker itself", () => {
    const failure = typeErrors("1", { diagnostics: [], broken: new Error("Debug Failure.\n  at x") });
    assert.equal(failure.evalue, "The type checker failed on this cell: Debug Failure.");
  });
});
