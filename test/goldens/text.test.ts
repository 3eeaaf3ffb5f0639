import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ChatMessage } from "../../sdk/text/chatTemplate.ts";
import { Tokenizer } from "../../sdk/text/tokenizer.ts";
import { needsGoldens, readGoldenJson } from "./read.ts";

interface TextGolden {
  tokenizer_sha256: string;
  strings: { text: string; ids: number[]; decoded: string }[];
  chats: {
    messages: ChatMessage[];
    add_generation_prompt: boolean;
    rendered?: string;
    ids?: number[];
    error?: string;
  }[];
}

const MODEL = join(dirname(fileURLToPath(import.meta.url)), "../../data/models/mini");

describe("transformers text goldens", () => {
  let golden: TextGolden;
  let tokenizer: Tokenizer;
  before(async function () {
    needsGoldens(this, "text.json");
    golden = readGoldenJson<TextGolden>("text.json");
    tokenizer = await Tokenizer.load(MODEL);
  });

  it("belong to the tokenizer that is bundled", () => {
    const bytes = readFileSync(join(MODEL, "tokenizer.json"));
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    assert.equal(sha256, golden.tokenizer_sha256, "another tokenizer.json: make text.json again");
  });

  it("gives the same ids, special tokens in the text taken as such", () => {
    assert.ok(golden.strings.length >= 300, `only ${golden.strings.length} strings`);
    for (const { text, ids } of golden.strings) {
      assert.deepEqual(tokenizer.encode(text, { allowSpecial: true }), ids, JSON.stringify(text));
    }
  });

  it("gives the same text back", () => {
    for (const { text, ids, decoded } of golden.strings) {
      assert.equal(tokenizer.decode(ids, { skipSpecial: false }), decoded, JSON.stringify(text));
    }
  });

  it("renders the same conversations, and encodes them the same", () => {
    const rendered = golden.chats.filter((chat) => chat.rendered !== undefined);
    assert.ok(rendered.length >= 10, `only ${rendered.length} conversations`);
    for (const { messages, add_generation_prompt: addGenerationPrompt, rendered: text, ids } of rendered) {
      // Where a template knows no system message, ours folds it into the first user message on purpose.
      if (messages[0].role === "system") continue;
      const what = JSON.stringify(messages);
      assert.equal(tokenizer.template.render(messages, { addGenerationPrompt }), text, what);
      assert.deepEqual(tokenizer.encode(text ?? "", { allowSpecial: true }), ids, what);
    }
  });

  it("refuses the conversations that the template refuses", () => {
    for (const { messages, error } of golden.chats) {
      if (error === undefined || messages[0].role === "system") continue;
      assert.throws(() => tokenizer.template.render(messages), JSON.stringify(messages));
    }
  });
});
