import assert from "node:assert/strict";
import { loadDomain } from "../../../sdk/chat/domain/domain.ts";
import type { Domain } from "../../../sdk/chat/domain/domainSchema.ts";
import {
  type JsonChatEvent,
  type JsonChatOptions,
  jsonChat,
} from "../../../sdk/chat/interactive/jsonChat.ts";
import { ReasoningSystem } from "../../../sdk/chat/reasoning.ts";
import { ChatSession } from "../../../sdk/chat/session.ts";
import { ScriptedModel } from "../double.ts";

const NO_REASONING = "Pas de raisonnement dans cette conversation : rien à montrer.";
const RIGHT = "La brouette pèse 11,3 kg.";

async function* each(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}

describe("jsonChat", () => {
  let domain: Domain;
  before(async () => {
    domain = await loadDomain("ecommerce.fr");
  });

  async function chat(session: ChatSession, lines: readonly string[], options?: JsonChatOptions) {
    const events: JsonChatEvent[] = [];
    for await (const event of jsonChat(session, domain, each(lines), options)) events.push(event);
    return events;
  }

  it("answers each line with its reasoning, or without where there is none", async () => {
    const reasoning = new ReasoningSystem(domain);
    const [event, ...more] = await chat(new ChatSession(new ScriptedModel([RIGHT]), { reasoning }), [
      "",
      " Combien pèse la brouette ? ",
    ]);
    assert.deepEqual(more, []);
    assert.ok(event.type === "answer");
    assert.deepEqual([event.question, event.answer], ["Combien pèse la brouette ?", RIGHT]);
    assert.ok(event.seconds >= 0);
    assert.equal(event.trace?.entries.length, 5);
    const [alone] = await chat(new ChatSession(new ScriptedModel([RIGHT])), ["?"]);
    assert.ok(alone.type === "answer" && !("trace" in alone));
  });

  it("obeys the commands of the terminal, and says what the terminal says", async () => {
    const session = new ChatSession(new ScriptedModel([RIGHT]));
    const { ui } = domain;
    const lines = ["AIDE", "debug", "debug+", "reload", "Et la brouette ?", "effacer", "quitter", "encore"];
    const events = await chat(session, lines);
    assert.deepEqual(
      events.map((event) => (event.type === "command" ? [event.command, event.text] : [event.type])),
      [
        ["help", ui.help],
        ["debug", NO_REASONING],
        ["debugFull", NO_REASONING],
        ["reload", ui.cannotReload],
        ["answer"],
        ["clear", ui.cleared],
      ],
    );
    assert.deepEqual(session.history, []);
    const reasoning = new ReasoningSystem(domain);
    const shown = await chat(new ChatSession(new ScriptedModel([RIGHT]), { reasoning }), ["debug", "debug+"]);
    assert.deepEqual(
      shown.map((event) => event.type === "command" && event.text),
      [ui.debugOn, ui.debugFull],
    );
  });

  it("tells of the command adapter where there are adapters", async () => {
    const model = new ScriptedModel([RIGHT]);
    const [help] = await chat(new ChatSession(model), ["aide"], { adapters: new Map([["shop", model]]) });
    assert.ok(help.type === "command");
    assert.equal(
      help.text,
      `${domain.ui.help}\n  adapter NOM  répond avec cet adaptateur ; adapter les énumère`,
    );
  });

  it("switches between adapters, and takes the word for what is said where there are none", async () => {
    const [shop, health] = [new ScriptedModel([RIGHT]), new ScriptedModel(["De rien !"])];
    const adapters = new Map([
      ["shop", shop],
      ["health", health],
    ]);
    const events = await chat(new ChatSession(shop), ["adapter health", "merci", "adapter none"], {
      adapters,
    });
    assert.deepEqual(
      events.map((event) =>
        event.type === "command" ? event.text : event.type === "answer" && event.answer,
      ),
      ["Adaptateur : health.", "De rien !", "Pas d'adaptateur « none » ; il y a shop, health."],
    );
    const [said] = await chat(new ChatSession(new ScriptedModel([RIGHT])), ["adapter health"]);
    assert.equal(said.type, "answer");
  });

  it("reads the domain again, in whose language it goes on", async () => {
    const english = await loadDomain("support.en");
    const events = await chat(new ChatSession(new ScriptedModel([])), ["reload", "clear", "exit", "reload"], {
      reload: async () => english,
    });
    assert.deepEqual(
      events.map((event) => event.type === "command" && [event.command, event.text]),
      [
        ["reload", english.ui.reloaded.replace("{name}", english.name)],
        ["clear", english.ui.cleared],
      ],
    );
  });

  it("goes on after a line that fails, and tells which", async () => {
    const model = new ScriptedModel([RIGHT]);
    model.beforePiece = () => {
      if (model.prompts.length === 1) throw new Error("broken");
    };
    const events = await chat(new ChatSession(model), ["un", "deux"]);
    assert.deepEqual(events[0], { type: "error", message: "broken", question: "un" });
    assert.equal(events[1].type, "answer");
  });
});
