import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";
import type { Domain } from "../../../sdk/chat/domain/domain.ts";
import { loadDomain } from "../../../sdk/chat/domain/domain.ts";
import { runTerminalChat, type TerminalOptions } from "../../../sdk/chat/interactive/terminal.ts";
import { ReasoningSystem } from "../../../sdk/chat/reasoning.ts";
import { ChatSession } from "../../../sdk/chat/session.ts";
import { ScriptedModel } from "../double.ts";

const RIGHT = "La brouette Hirondelle pèse 11,3 kg à vide, grâce à sa caisse en aluminium.";
const WRONG = RIGHT.replace("11,3", "13,3");

/** A stream that says it is a terminal. */
class FakeTerminal extends PassThrough {
  isTTY = true;
  columns = 80;
}

describe("terminal chat", () => {
  let domain: Domain;
  let reasoning: ReasoningSystem;
  before(async () => {
    domain = await loadDomain("ecommerce.fr");
    reasoning = new ReasoningSystem(domain);
  });

  /** Runs a chat with typed text, and gives a way to type more and to wait for output. */
  function open(model: ScriptedModel, tty: boolean, options: TerminalOptions & { alone?: boolean } = {}) {
    const input = tty ? new FakeTerminal() : new PassThrough();
    const output = tty ? new FakeTerminal() : new PassThrough();
    let screen = "";
    output.on("data", (chunk) => {
      screen += chunk;
    });
    let errors = "";
    const errorOutput = new PassThrough().on("data", (chunk) => {
      errors += chunk;
    });
    const { alone, ...own } = options;
    const session = new ChatSession(model, alone ? {} : { reasoning, maxRetries: 1 });
    const ended = runTerminalChat(session, domain, { input, output, errorOutput, ...own });
    const seen = async (text: string) => {
      for (let i = 0; i < 400; i++) {
        if (screen.includes(text)) return;
        await sleep(5);
      }
      assert.fail(`never shown: ${JSON.stringify(text)} in ${JSON.stringify(screen)}`);
    };
    return { input, session, ended, seen, screen: () => screen, errors: () => errors };
  }

  it("is a plain filter for pipes: answers only, commands obeyed, no colours", async () => {
    const chat = open(new ScriptedModel([RIGHT, "De rien !"]), false);
    chat.input.end("Combien pèse la brouette ?\n\nmerci\nquitter\nencore\n");
    await chat.ended;
    assert.equal(chat.screen(), `${RIGHT}\nDe rien !\n`);
    assert.equal(chat.session.history.length, 4);
  });

  it("lets no answer command the terminal", async () => {
    const chat = open(new ScriptedModel([" \x1b[2J\x07Oui\tet\nnon."]), false);
    chat.input.end("Est-ce vrai ?\n");
    await chat.ended;
    assert.equal(chat.screen(), "\\x1b[2J\\x07Oui\tet\nnon.\n");
  });

  it("lets no question command it through the trace, and no error", async () => {
    const model = new ScriptedModel([RIGHT]);
    const chat = open(model, false, { debug: true });
    model.beforePiece = () => {
      if (model.prompts.length === 2) throw new Error("broken: \x1b[2J");
    };
    chat.input.end("Combien \x1b[2J pèse la brouette ?\nEt la tente ?\n");
    await chat.ended;
    assert.match(chat.screen(), /« Combien \\x1b\[2J pèse la brouette \? »/);
    assert.match(chat.errors(), /broken: \\x1b\[2J/);
    assert(!(chat.screen() + chat.errors()).includes("\x1b"));
  });

  it("shows the trace after the answer with debug", async () => {
    const chat = open(new ScriptedModel([RIGHT]), false, { debug: true });
    chat.input.end("Combien pèse la brouette ?\n");
    await chat.ended;
    assert.match(chat.screen(), /aluminium\.\n┌─ Raisonnement ─+┐\n│ Catégorie/);
    assert.match(chat.screen(), /│ Cohérence +✓/);
  });

  it("obeys commands in both languages, in any case", async () => {
    const chat = open(new ScriptedModel([RIGHT]), false);
    chat.input.end("AIDE\nhelp\nCombien pèse la brouette ?\neffacer\ndebug\ndebug\nexit\n");
    await chat.ended;
    const { ui } = domain;
    assert.equal(
      chat.screen(),
      [ui.help, ui.help, RIGHT, ui.cleared, ui.debugOn, ui.debugOff, ""].join("\n"),
    );
    assert.deepEqual(chat.session.history, []);
  });

  it("switches between adapters by name, tells which there are, and keeps what was said", async () => {
    const [shop, health] = [new ScriptedModel([RIGHT]), new ScriptedModel(["De rien !"])];
    const adapters = new Map([
      ["shop", shop],
      ["health", health],
    ]);
    const chat = open(shop, false, { adapters });
    chat.input.end(
      "Combien pèse la brouette ?\nadapter\n/adapter health\nmerci\nadaptateur \x1b[2J\nADAPTER shop\naide\n",
    );
    await chat.ended;
    assert.equal(
      chat.screen(),
      [
        RIGHT,
        "Adaptateurs : [shop], health.",
        "Adaptateur : health.",
        "De rien !",
        "Pas d'adaptateur « \\x1b[2J » ; il y a shop, health.",
        "Adaptateur : shop.",
        domain.ui.help,
        "  adapter NOM  répond avec cet adaptateur ; adapter les énumère",
        "",
      ].join("\n"),
    );
    assert.equal(chat.session.history.length, 4);
    assert.equal(health.prompts.length, 1);
  });

  it("takes the word adapter for what is said where there are none, and speaks English", async () => {
    const alone = open(new ScriptedModel([RIGHT]), false);
    alone.input.end("adapter\n");
    await alone.ended;
    assert.equal(alone.session.history.length, 2);
    const model = new ScriptedModel([]);
    const english = await loadDomain("support.en");
    const input = new PassThrough();
    const output = new PassThrough();
    let screen = "";
    output.on("data", (chunk) => {
      screen += chunk;
    });
    input.end("adapter nurse\nadapter clerk\nadapter\nhelp\n");
    const adapters = new Map([["clerk", model]]);
    await runTerminalChat(new ChatSession(model), english, { input, output, adapters });
    assert.equal(
      screen,
      [
        'No adapter "nurse"; there are clerk.',
        "Adapter: clerk.",
        "Adapters: [clerk].",
        english.ui.help,
        "  adapter NAME  answers with this adapter; adapter lists them",
        "",
      ].join("\n"),
    );
  });

  it("shows the whole reasoning with debug+", async () => {
    const chat = open(new ScriptedModel([RIGHT]), false);
    chat.input.end("debug+\nCombien pèse la brouette ?\ndebug\n");
    await chat.ended;
    const { ui } = domain;
    assert(chat.screen().startsWith(`${ui.debugFull}\n`));
    // All thirteen scores, and the time of each stage; "debug" alone shows the best four and no times.
    const unwrapped = chat.screen().replace(/\s*│\n│\s*/g, " ");
    for (const { id } of domain.categories) assert.match(unwrapped, new RegExp(`${id} \\d\\.\\d\\d`));
    assert.match(chat.screen(), /│ Catégorie +PRODUIT_SPECIFIQUE \d+ % {2}\(\d+\.\d\d ms\)/);
    assert(chat.screen().endsWith(`${ui.debugOff}\n`));
  });

  it("says that there is no reasoning to show where the model is alone", async () => {
    const chat = open(new ScriptedModel([RIGHT]), false, { alone: true });
    chat.input.end("debug\nCombien pèse la brouette ?\ndebug+\n");
    await chat.ended;
    const nothing = "Pas de raisonnement dans cette conversation : rien à montrer.\n";
    assert.equal(chat.screen(), `${nothing}${RIGHT}\n${nothing}`);
  });

  it("reads an edited domain again; one with faults changes nothing", async () => {
    const edited = { ...structuredClone(domain), name: "Chez Nous", fallback: "Nouveau repli." };
    let reads = 0;
    const reload = async () => {
      if (++reads === 2) throw new Error("categories: expected array, got nothing");
      return edited;
    };
    const chat = open(new ScriptedModel([WRONG]), false, { reload });
    chat.input.end("Combien pèse la brouette ?\nreload\nCombien pèse la brouette ?\nreload\n");
    await chat.ended;
    assert.equal(
      chat.screen(),
      `${domain.fallback}\nDomaine relu : Chez Nous.\nNouveau repli.\nErreur : categories: expected array, got nothing\n`,
    );
    const without = open(new ScriptedModel([RIGHT]), false);
    without.input.end("reload\n");
    await without.ended;
    assert.equal(without.screen(), `${domain.ui.cannotReload}\n`);
  });

  it("tells an error in one line, beside the answers of a pipe, and goes on", async () => {
    const model = new ScriptedModel([RIGHT]);
    model.beforePiece = () => {
      model.beforePiece = () => {};
      throw new Error("plus de mémoire");
    };
    const chat = open(model, false);
    chat.input.end("a ?\nCombien pèse la brouette ?\n");
    assert.deepEqual(await chat.ended, { failed: 1 });
    assert.equal(chat.errors(), "Erreur : plus de mémoire\n");
    assert.equal(chat.screen(), `${RIGHT}\n`);
  });

  it("ends the line of an answer that breaks off in a pipe", async () => {
    const model = new ScriptedModel([RIGHT]);
    model.beforePiece = (n) => {
      if (n !== 2) return;
      model.beforePiece = () => {};
      throw new Error("plus de mémoire");
    };
    const chat = open(model, false, { alone: true });
    chat.input.end("a ?\nCombien pèse la brouette ?\n");
    assert.deepEqual(await chat.ended, { failed: 1 });
    assert.equal(chat.screen(), `La brouette\n${RIGHT}\n`);
  });

  it("welcomes, spins, streams, and tells the speed on a terminal", async () => {
    const model = new ScriptedModel([RIGHT]);
    model.beforePiece = () => sleep(2);
    const chat = open(model, true, { color: false });
    await chat.seen(`${domain.ui.welcome}\n`);
    chat.input.write("Combien pèse la brouette ?\r");
    await chat.seen("tokens/s");
    assert.match(
      chat.screen().replaceAll("\x1b[K", "(clear)"),
      /\r⠋ réflexion…(?:\r. réflexion…)*\r\(clear\)Assistant > La brouette/,
    );
    assert.match(chat.screen(), /aluminium\.\n14 tokens en \d+\.\d s, \d+ tokens\/s\n/);
    chat.input.write("quitter\r");
    await chat.ended;
    assert(chat.screen().endsWith(`${domain.ui.goodbye}\n`));
  });

  it("keeps what is typed meanwhile out of the answer, and takes it afterwards", async () => {
    const model = new ScriptedModel([RIGHT, "De rien !"]);
    const chat = open(model, true, { color: false, alone: true });
    model.beforePiece = async (n) => {
      if (model.prompts.length > 1 || n !== 3) return;
      chat.input.write("merci\rau rev");
      await sleep(20);
    };
    await chat.seen(domain.ui.prompt);
    chat.input.write("Combien pèse la brouette ?\r");
    await chat.seen("De rien !");
    await chat.seen("au rev");
    const plain = stripVTControlCharacters(chat.screen()).replace(/\r/g, "");
    const { prompt } = domain.ui;
    // The whole answer, then the line that came meanwhile with its answer, then what is still being typed.
    assert.match(
      plain,
      new RegExp(
        `aluminium\\.\n.*tokens/s\n${prompt}merci\n.*De rien !\n.*tokens/s\n.*${prompt}au rev$`,
        "s",
      ),
    );
    assert.doesNotMatch(plain.slice(plain.indexOf("Assistant"), plain.indexOf("aluminium.")), /merci/);
    chat.input.write("oir\r");
    await chat.seen(`${prompt}`);
    chat.input.write("quitter\r");
    await chat.ended;
    assert.equal(chat.session.history[4]?.content, "au revoir");
  });

  it("uses colours where they are wanted", async () => {
    const chat = open(new ScriptedModel([RIGHT]), true, { color: true });
    chat.input.write("quitter\r");
    await chat.ended;
    assert(chat.screen().includes(`\x1b[1m${domain.ui.welcome}`));
  });

  it("says that it corrects itself, and gives the new answer", async () => {
    const chat = open(new ScriptedModel([WRONG, RIGHT]), true, { color: false });
    chat.input.write("Combien pèse la brouette ?\r");
    await chat.seen("tokens/s");
    assert.match(
      chat.screen(),
      /13,3 kg[^J]*aluminium\.\nJe me corrige : La réponse dit 13,3 au lieu de 11,3\.\n/,
    );
    chat.input.write("quitter\r");
    await chat.ended;
    assert.equal(chat.session.history[1].content, RIGHT);
  });

  it("stops the answer at Ctrl-C, not the program", async () => {
    const model = new ScriptedModel([RIGHT]);
    model.beforePiece = () => sleep(20);
    const chat = open(model, true, { color: false });
    chat.input.write("Combien pèse la brouette ?\r");
    await chat.seen("Assistant > La brouette");
    chat.input.write("\x03");
    await chat.seen(`${domain.ui.stopped}\n`);
    assert(!chat.screen().includes("aluminium"));
    model.beforePiece = () => {};
    chat.input.write("Combien pèse la brouette ?\r");
    await chat.seen("aluminium");
    chat.input.write("quitter\r");
    await chat.ended;
  });

  it("hints at an empty prompt how to quit, and quits at the second Ctrl-C", async () => {
    const chat = open(new ScriptedModel([RIGHT]), true, { color: false });
    await chat.seen(domain.ui.prompt);
    chat.input.write("abc\x03");
    await sleep(30);
    assert(!chat.screen().includes(domain.ui.quitHint));
    chat.input.write("\x03");
    await chat.seen(domain.ui.quitHint);
    chat.input.write("\x03");
    await chat.ended;
    assert(chat.screen().endsWith(`${domain.ui.goodbye}\n`));
  });
});
