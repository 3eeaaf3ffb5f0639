import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Template } from "@huggingface/jinja";
import { Tokenizer } from "@huggingface/tokenizers";
import { chatTemplate, specialTokens, tokenizerConfig, vocabSize } from "../../pretrain/tokenizer.ts";

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../data/models/mini/${name}`, import.meta.url), "utf8"));

const render = (messages: { role: string; content: string }[]) =>
  new Template(chatTemplate()).render({ messages, bos_token: "<s>", eos_token: "</s>" });

describe("the bundled tokenizer", () => {
  const json = read("tokenizer.json");
  const tokenizer = new Tokenizer(json, read("tokenizer_config.json"));

  it("has the promised vocabulary", () => {
    assert.equal(Object.keys(json.model.vocab).length, vocabSize);
    assert.deepEqual(
      specialTokens.map((token) => tokenizer.token_to_id(token)),
      [0, 1, 2, 3, 4],
    );
    assert.deepEqual(
      Object.values<number>(json.model.vocab).sort((a, b) => a - b),
      [...Array(vocabSize).keys()],
    );
  });

  it("gives texts back", () => {
    const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString("latin1");
    const texts = [
      "Bonjour, où est l'entrée aujourd'hui ? C'est 12,50 € — « oui » !",
      "👩‍🚀🎉 naïve Ÿ œuf Œuvre ∀x",
      "  deux  espaces \n\n\t fin ",
      "0123456789",
      everyByte,
      "l'",
      " ",
    ];
    for (const text of texts) assert.equal(tokenizer.decode(tokenizer.encode(text).ids), text);
  });

  it("adds no special token by itself and reads those that are written", () => {
    const { ids } = tokenizer.encode("<s>[INST] Oui [/INST] Non</s>");
    assert.deepEqual(
      ids.filter((id: number) => id < specialTokens.length),
      [1, 3, 4, 2],
    );
    assert.ok(tokenizer.encode("Oui").ids.every((id: number) => id >= specialTokens.length));
  });

  it("keeps digits single", () => {
    assert.deepEqual(tokenizer.encode("1984").tokens, ["1", "9", "8", "4"]);
    const long = Object.keys(json.model.vocab).filter((token) => /\d/.test(token) && token.length > 1);
    assert.deepEqual(long, []);
  });

  it("is short on French: fewer than 0.36 tokens a character", () => {
    // Measured 0.31 on this sentence; a vocabulary of bytes alone gives more than 1.
    const text = "Vous pouvez retirer votre commande au comptoir dès demain, avec une pièce d'identité.";
    const { ids } = tokenizer.encode(text);
    assert.ok(ids.length < 0.36 * text.length, `${ids.length} tokens for ${text.length} characters`);
  });

  it("carries the configuration that the code makes", () => {
    assert.deepEqual(read("tokenizer_config.json"), tokenizerConfig(chatTemplate()));
  });
});

describe("the chat template", () => {
  it("writes a conversation in Mistral's form", () => {
    const text = render([
      { role: "user", content: "Bonjour" },
      { role: "assistant", content: "Bonjour !" },
      { role: "user", content: "Ça va ?" },
    ]);
    assert.equal(text, "<s>[INST] Bonjour [/INST] Bonjour !</s>[INST] Ça va ? [/INST]");
  });

  it("puts a system message before the first question", () => {
    const text = render([
      { role: "system", content: "Sois bref." },
      { role: "user", content: "Bonjour" },
      { role: "assistant", content: "Oui ?" },
      { role: "user", content: "Rien" },
    ]);
    assert.equal(text, "<s>[INST] Sois bref.\n\nBonjour [/INST] Oui ?</s>[INST] Rien [/INST]");
  });

  it("refuses roles out of turn", () => {
    assert.throws(
      () =>
        render([
          { role: "user", content: "a" },
          { role: "user", content: "b" },
        ]),
      /Roles must alternate user, assistant, user, … \(a system message may come first\); message 2 is of user/,
    );
    assert.throws(() => render([{ role: "assistant", content: "a" }]), /message 1 is of assistant/);
    assert.throws(
      () =>
        render([
          { role: "user", content: "a" },
          { role: "tool", content: "b" },
        ]),
      /message 2 is of tool/,
    );
  });
});
