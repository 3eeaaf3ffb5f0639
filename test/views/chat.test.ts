import assert from "node:assert/strict";
import { loadDomain } from "../../sdk/chat/domain/domain.ts";
import { ReasoningSystem } from "../../sdk/chat/reasoning.ts";
import { ChatSession } from "../../sdk/chat/session.ts";
import { DISPLAY, type Displayable } from "../../sdk/views/bundle.ts";
import { ScriptedModel } from "../chat/double.ts";
import { inNotebook, TestNotebook } from "./notebook.ts";

const RIGHT = "La brouette Hirondelle pèse 11,3 kg à vide, grâce à sa caisse en aluminium.";
const ASK = "Combien pèse la brouette Hirondelle ?";

function shown(value: unknown) {
  return (value as Displayable)[DISPLAY]();
}

describe("chat in a notebook", () => {
  let reasoning: ReasoningSystem;
  before(async () => {
    reasoning = new ReasoningSystem(await loadDomain("ecommerce.fr"));
  });

  it("gives the whole turn to await, once, and shows it with its reasoning folded", async () => {
    const model = new ScriptedModel([RIGHT]);
    const chat = new ChatSession(model, { reasoning });
    const reply = chat.say(ASK);
    assert.equal(model.prompts.length, 0, "nothing happens before it is asked for");
    const turn = await reply;
    assert.equal(await reply, turn);
    assert.equal(model.prompts.length, 1);
    assert.equal(turn.answer, RIGHT);
    assert.equal(turn.trace, chat.lastTrace);
    const bundle = shown(turn);
    assert.match(bundle["text/html"]!, /<details><summary><b>Raisonnement<\/b> · PRODUIT_SPECIFIQUE/);
    assert.ok(!bundle["text/html"]!.includes("<details open"));
    assert.ok(
      bundle["text/plain"].startsWith(`> ${ASK}\n${RIGHT}\n`) &&
        bundle["text/plain"].includes("┌─ Raisonnement"),
    );
  });

  it("gives it piece by piece to a loop, which may leave, and an error to both", async () => {
    const chat = new ChatSession(new ScriptedModel([RIGHT]), { reasoning, maxRetries: 0 });
    for await (const piece of chat.say(ASK)) {
      assert.equal(piece, "La");
      break;
    }
    assert.equal(chat.history.at(-1)?.content, "La");
    await assert.rejects(async () => chat.say("  "), /expected a message, got an empty text/);
    await assert.rejects(chat.say(" ").next(), /expected a message, got an empty text/);
  });

  it("shows a trace by its stages, with the words that they saw", () => {
    const trace = reasoning.analyse(ASK);
    reasoning.check(RIGHT, trace);
    const page = shown(trace)["text/html"]!;
    assert.equal(page.match(/<details>/g)!.length, 5);
    assert.match(page, /<mark title="produits : Hirondelle" [^>]*>brouette Hirondelle<\/mark>/);
    assert.match(page, /<td[^>]*>PRODUIT_SPECIFIQUE<\/td><td class="mlab-n">0\.\d\d<\/td>/);
    assert.match(shown(trace)["text/plain"], /│ Catégorie {2}PRODUIT_SPECIFIQUE/);
    assert.deepEqual(JSON.parse(JSON.stringify(trace)).query, ASK);
  });

  it("says the words of the stages in the domain's language", async () => {
    const trace = reasoning.analyse("Où en est ma commande FR-48213, la brouette Hirondelle ?");
    reasoning.check("La brouette pèse 11,3 kg.", trace);
    const page = shown(trace)["text/html"]!;
    for (const word of [
      "nouveau sujet",
      "thème produits",
      "neutre",
      "produits",
      "commandes",
      "demande un lieu",
    ])
      assert.ok(page.includes(word), word);
    assert.doesNotMatch(page, /new_topic|>products|>neutral|asks for|earlierTurns|order_numbers/);
    const english = new ReasoningSystem(await loadDomain("support.en")).analyse("My router drops the wifi.");
    assert.match(shown(english)["text/html"]!, /new topic.*earlier turns/s);
    // The plain value keeps the names that programs read.
    assert.equal((trace.entries[1].value as { relation: string }).relation, "new_topic");
  });

  it("shows an awaited answer while it grows, and takes the draft away for the turn", async () => {
    const model = new ScriptedModel([RIGHT]);
    model.beforePiece = () => new Promise((resolve) => setTimeout(resolve, 60));
    const chat = new ChatSession(model, { reasoning, maxRetries: 1 });
    const notebook = new TestNotebook();
    const turn = await inNotebook(notebook, () => chat.say(ASK));
    const drafts = notebook.shown.slice(0, -1).map(({ bundle }) => String(bundle["text/plain"]));
    assert.ok(drafts.length >= 2, `${drafts.length}`);
    assert.ok(drafts.every((text) => text.startsWith(`> ${ASK}\nLa brouette`)));
    assert.ok(drafts.at(-1)!.length > drafts[0].length);
    assert.deepEqual(
      notebook.shown.map(({ update }) => update),
      notebook.shown.map((_, i) => i > 0),
    );
    const last = notebook.shown.at(-1)!.bundle;
    assert.deepEqual(last, { "text/plain": "", "text/html": "" }, "the turn is the cell's value");
    assert.equal(turn.answer, RIGHT);
  });

  it("shows no draft of an answer that is read piece by piece", async () => {
    const model = new ScriptedModel([RIGHT]);
    model.beforePiece = () => new Promise((resolve) => setTimeout(resolve, 60));
    const read = new TestNotebook();
    await inNotebook(read, async () => {
      for await (const _ of new ChatSession(model, { reasoning }).say(ASK));
    });
    assert.deepEqual(read.shown, []);
  });

  it("chats through the input field: commands, answers in one place each, reasoning opened by debug", async () => {
    const model = new ScriptedModel([RIGHT, "<b>Non</b>"]);
    const chat = new ChatSession(model, { reasoning });
    const lines = ["aide", ASK, "debug", "", "et l'arrosoir ?", "effacer", "quitter", "trop tard"];
    const notebook = new TestNotebook(lines);
    await inNotebook(notebook, () => chat.interactive());
    const { ui } = reasoning.domain;
    assert.deepEqual(new Set(notebook.prompts), new Set([ui.prompt]));
    assert.equal(notebook.prompts.length, 7);
    const texts = notebook.shown.filter(({ update, id }) => !update && id === undefined);
    assert.deepEqual(
      texts.map(({ bundle }) => bundle["text/plain"]),
      [ui.welcome, ui.help, ui.debugOn, ui.cleared, ui.goodbye],
    );
    const places = [...new Set(notebook.shown.map(({ id }) => id).filter((id) => id !== undefined))];
    assert.equal(places.length, 2);
    const last = (id: string | undefined) => notebook.shown.findLast((one) => one.id === id)!.bundle;
    const first = notebook.shown.find(({ id }) => id === places[0])!;
    assert.ok(!first.update && String(first.bundle["text/plain"]).includes(ui.thinking));
    assert.ok(String(last(places[0])["text/html"]).includes("11,3 kg"));
    assert.ok(!String(last(places[0])["text/html"]).includes("<details open"));
    assert.match(String(last(places[1])["text/html"]), /&lt;b&gt;Non&lt;\/b&gt;.*<details open>/s);
    assert.deepEqual(chat.history, []);
  });

  it("ends with the cell that is interrupted, and keeps what was said until then", async () => {
    const model = new ScriptedModel([RIGHT]);
    const chat = new ChatSession(model, { reasoning });
    const notebook = new TestNotebook([ASK, "encore"]);
    model.beforePiece = (n) => {
      if (n === 2) notebook.interrupt();
    };
    await inNotebook(notebook, () => chat.interactive());
    assert.equal(notebook.prompts.length, 1);
    assert.equal(chat.history.at(-1)?.content, "La brouette");
  });

  it("says what is missing", async () => {
    const chat = new ChatSession(new ScriptedModel(["a"]));
    await assert.rejects(
      chat.interactive(),
      /the chat's texts come from a domain.*pass \{ domain: await loadDomain/,
    );
    const withReasoning = new ChatSession(new ScriptedModel(["a"]), { reasoning });
    await inNotebook(new TestNotebook(), () =>
      assert.rejects(withReasoning.interactive(), /this front end allows no input/),
    );
  });
});
