import assert from "node:assert/strict";
import { AnswerFilter } from "../../sdk/chat/answerFilter.ts";
import { loadDomain, parseDomain } from "../../sdk/chat/domain/domain.ts";
import { cleanQuestion } from "../../sdk/chat/prompt.ts";
import { ReasoningSystem } from "../../sdk/chat/reasoning.ts";
import { type ChatEvent, ChatSession } from "../../sdk/chat/session.ts";
import { collect, ScriptedModel } from "./double.ts";

const RIGHT = "La brouette Hirondelle pèse 11,3 kg à vide, grâce à sa caisse en aluminium.";
const WRONG = RIGHT.replace("11,3", "13,3");
const ASK = "Combien pèse la brouette ?";

describe("ChatSession", () => {
  let small: ReasoningSystem;
  let full: ReasoningSystem;
  before(async () => {
    const domain = await loadDomain("ecommerce.fr");
    small = new ReasoningSystem(domain);
    full = new ReasoningSystem(parseDomain({ ...domain, promptGuidance: "full" }));
  });

  it("chats without reasoning, keeping what was said", async () => {
    const model = new ScriptedModel(["un", "deux"]);
    const chat = new ChatSession(model, {
      system: "Sois bref.",
      sampling: { temperature: 0.5, maxNewTokens: 9 },
    });
    assert.equal(await collect(chat.say(" A ? ")), "un");
    assert.equal(await collect(chat.say("B ?")), "deux");
    assert.deepEqual(model.prompts[1], [
      { role: "system", content: "Sois bref." },
      { role: "user", content: "A ?" },
      { role: "assistant", content: "un" },
      { role: "user", content: "B ?" },
    ]);
    assert.deepEqual({ ...model.options[1] }, { temperature: 0.5, maxNewTokens: 9, signal: undefined });
    assert.equal(chat.lastTrace, undefined);
    assert.deepEqual(
      chat.history.map(({ content }) => content),
      ["A ?", "un", "B ?", "deux"],
    );
    chat.clear();
    assert.deepEqual(chat.history, []);
  });

  it("without retries streams as the model speaks, and checks afterwards", async () => {
    const model = new ScriptedModel([WRONG]);
    const chat = new ChatSession(model, { reasoning: small, maxRetries: 0 });
    let made = 0;
    model.beforePiece = (n) => {
      made = n;
    };
    const seen: number[] = [];
    for await (const _ of chat.say(ASK)) seen.push(made);
    assert.deepEqual(seen.slice(0, 3), [0, 1, 2]);
    assert.equal(chat.history[1].content, WRONG);
    const entry = chat.lastTrace?.entries.at(-1);
    assert.equal(entry?.stage, "consistency");
    assert.equal(entry?.scores.contradicts_fact, 1);
  });

  it("draws a wrong answer again once, with another seed, before anything is shown", async () => {
    const model = new ScriptedModel([WRONG, RIGHT]);
    const chat = new ChatSession(model, { reasoning: small, sampling: { seed: 7 } });
    assert.equal(await collect(chat.say(ASK)), RIGHT);
    assert.equal(model.prompts.length, 2);
    assert.equal(model.options[0].temperature, undefined);
    assert.deepEqual([model.options[1].temperature, model.options[1].seed], [0.6, 8]);
    assert.deepEqual([chat.lastTrace?.prompt?.retries, chat.lastTrace?.prompt?.fallback], [1, false]);
    assert.equal(chat.history[1].content, RIGHT);
  });

  it("says the domain's fallback where the answer stays wrong, and tells so", async () => {
    const chat = new ChatSession(new ScriptedModel([WRONG]), { reasoning: small, maxRetries: 2 });
    const events: ChatEvent[] = [];
    for await (const event of chat.events(ASK)) events.push(event);
    assert.deepEqual(
      events.flatMap((event) => (event.type === "replace" ? [event.by] : [])),
      ["retry", "retry", "fallback"],
    );
    const done = events.at(-1);
    assert(done?.type === "done" && done.answer === small.domain.fallback && !done.aborted);
    assert.equal(done.tokens, 3 * WRONG.split(" ").length);
    assert.deepEqual([chat.lastTrace?.prompt?.retries, chat.lastTrace?.prompt?.fallback], [2, true]);
    assert.equal(chat.history[1].content, small.domain.fallback);
  });

  it("says the domain's own words to offences and mere courtesy where the answer stays wrong", async () => {
    const { courtesy, templates, fallback } = small.domain;
    const said = async (question: string) => {
      const chat = new ChatSession(new ScriptedModel(["La carte Soleil coûte 12 €."]), { reasoning: small });
      return (await chat.say(question)).answer;
    };
    for (const insult of ["vous êtes des voleurs", "vous etes nuls", "t'es vraiment trop con"])
      assert.equal(await said(insult), courtesy.replies.insult, insult);
    assert.equal(await said("Bonjour !"), templates.SALUTATION[0].text);
    assert.equal(await said("Combien pèse la brouette Hirondelle ?"), fallback);
  });

  it("guides a small model by the question and the turns it sees, never by text", async () => {
    const model = new ScriptedModel(["La tente Vire-Vent est vendue 287 €."]);
    const chat = new ChatSession(model, { reasoning: small });
    await collect(chat.say("c combien la tante vire vent, mdp oublié aussi"));
    await collect(chat.say("Et elle est étanche ?"));
    await collect(chat.say("Avez-vous un parking ?"));
    assert.deepEqual(model.prompts[0], [
      { role: "user", content: "c combien la tante vire vent, mot de passe oublié aussi" },
    ]);
    assert.deepEqual(
      model.prompts[1].map(({ role }) => role),
      ["user", "assistant", "user"],
    );
    assert.deepEqual(model.prompts[2], [{ role: "user", content: "Avez-vous un parking ?" }]);
    assert.deepEqual(
      [
        chat.lastTrace?.prompt?.messagesKept,
        chat.lastTrace?.prompt?.messagesDropped,
        chat.lastTrace?.prompt?.reason,
      ],
      [0, 4, "new_topic"],
    );
    // The history keeps what the customer typed.
    assert.equal(chat.history[0].content, "c combien la tante vire vent, mdp oublié aussi");
  });

  it("cleans only what is certain", () => {
    const clean = (text: string) => cleanQuestion(text, small.compiled);
    assert.equal(clean("ma comande, svp, n'est pas arrivée"), "ma commande, svp, n'est pas arrivée");
    assert.equal(clean("numero de telephone ?"), "numéro de téléphone ?");
    assert.equal(clean("CMD-88213 Livrason"), "CMD-88213 Livraison");
  });

  it("guides a large model by a system message", async () => {
    const model = new ScriptedModel([WRONG, RIGHT]);
    const chat = new ChatSession(model, { reasoning: full, maxRetries: 1 });
    await collect(chat.say("Combien pèse la brouette Hirondelle ?"));
    const [system, question] = model.prompts[0];
    assert(system.content.startsWith(full.domain.systemPrompt));
    assert.match(system.content, /\n\nLa question porte sur : /);
    assert.match(system.content, /Faits sûrs : .*11,3 kg/);
    assert.equal(question.content, "Combien pèse la brouette Hirondelle ?");
    assert.match(
      model.prompts[1][0].content,
      /La réponse précédente était fausse : La réponse dit 13,3 au lieu de 11,3\./,
    );
  });

  it("lets the oldest exchanges leave first when the window is full, and says so", async () => {
    const model = new ScriptedModel(["b b"], 16);
    const chat = new ChatSession(model, {
      reasoning: full,
      sampling: { maxNewTokens: 4 },
      system: "S",
    });
    model.contextLength = 200;
    for (let i = 0; i < 3; i++) await collect(chat.say(`question ${i}`));
    model.contextLength = model.encode(model.prompts[2]).length + 4 - 1;
    await collect(chat.say("question 2"));
    const contents = model.prompts[3].map(({ content }) => content);
    assert(!contents.includes("question 0") && contents.at(-1) === "question 2", contents.join(" | "));
    assert.deepEqual(
      model.prompts[3].slice(0, 2).map(({ role }) => role),
      ["system", "user"],
    );
    assert.equal(chat.lastTrace?.prompt?.reason, "window");
    assert((chat.lastTrace?.prompt?.messagesDropped ?? 0) >= 2);
    model.contextLength = 6;
    await collect(chat.say("question 3"));
    assert.deepEqual(
      model.prompts[4].map(({ content }) => content),
      ["S", "question 3"],
    );
    // Alone, and with the system message that goes with it.
    for (const question of ["a b c d e f", "a b c d e"])
      await assert.rejects(collect(chat.say(question)), {
        name: "RangeError",
        message: "the question has 6 tokens, the model takes 6 for question and answer. Ask in fewer words.",
      });
    await collect(chat.say("encore"));
  });

  it("stops at the signal and keeps what was said; half an answer is not judged", async () => {
    const model = new ScriptedModel([WRONG]);
    const chat = new ChatSession(model, { reasoning: small });
    const stop = new AbortController();
    model.beforePiece = (n) => {
      if (n === 3) stop.abort();
    };
    assert.equal(await collect(chat.say(ASK, { signal: stop.signal })), "La brouette Hirondelle");
    assert.equal(chat.history[1].content, "La brouette Hirondelle");
    assert.equal(
      chat.lastTrace?.entries.some(({ stage }) => stage === "consistency"),
      false,
    );
    const early = new AbortController();
    early.abort();
    assert.equal(await collect(chat.say("Et alors ?", { signal: early.signal })), "");
    assert.equal(chat.history.length, 2);
  });

  it("keeps what was said when the reader leaves the loop, and can go on", async () => {
    const chat = new ChatSession(new ScriptedModel([RIGHT]), { reasoning: small, maxRetries: 0 });
    for await (const _ of chat.say(ASK)) break;
    assert.deepEqual(
      chat.history.map(({ content }) => content),
      [ASK, "La"],
    );
    assert.equal(await collect(chat.say(ASK)), RIGHT);
  });

  it("keeps nothing of an answer that breaks off with an error, and can be asked again", async () => {
    const model = new ScriptedModel([RIGHT]);
    const chat = new ChatSession(model, { reasoning: small, maxRetries: 0 });
    model.beforePiece = (n) => {
      if (n === 3) throw new Error("the device is gone");
    };
    const pieces: string[] = [];
    await assert.rejects(
      async () => {
        for await (const piece of chat.say(ASK)) pieces.push(piece);
      },
      { message: "the device is gone" },
    );
    assert.equal(pieces.join(""), "La brouette Hirondelle");
    assert.deepEqual(chat.history, []);
    model.beforePiece = () => {};
    assert.equal(await collect(chat.say(ASK)), RIGHT);
    assert.equal(chat.history.length, 2);
  });

  it("goes on in another domain with its own stages and what was said", async () => {
    const domain = small.domain;
    const mine = {
      name: "mine",
      looksAt: "question" as const,
      run: () => ({ value: 7, summary: "7", scores: {}, evidence: [] }),
    };
    const model = new ScriptedModel([RIGHT]);
    const chat = new ChatSession(model, { reasoning: new ReasoningSystem(domain, { stages: [mine] }) });
    await collect(chat.say(ASK));
    chat.useDomain(parseDomain({ ...domain, name: "Chez Nous" }));
    assert.equal(chat.reasoning?.domain.name, "Chez Nous");
    await collect(chat.say(ASK));
    assert.deepEqual(
      chat.lastTrace?.entries.map(({ stage }) => stage),
      ["mine"],
    );
    assert.equal(chat.history.length, 4);
    const events = chat.events("a");
    await events.next();
    assert.throws(() => chat.useDomain(domain), {
      message: "ChatSession.useDomain: an answer is still being given; wait for its end.",
    });
    await events.return();
    const alone = new ChatSession(model);
    alone.useDomain(domain);
    assert.equal(alone.reasoning, undefined);
  });

  it("forgets what is being said, too, when it is cleared", async () => {
    const chat = new ChatSession(new ScriptedModel([RIGHT]), { reasoning: small, maxRetries: 0 });
    for await (const piece of chat.say(ASK)) if (piece === "La") chat.clear();
    assert.deepEqual(chat.history, []);
    await collect(chat.say(ASK));
    assert.equal(chat.history.length, 2);
  });

  it("refuses wrong options, empty messages and two answers at once", async () => {
    const model = new ScriptedModel(["x"]);
    assert.throws(() => new ChatSession(model, JSON.parse('{"maxRetrys": 1}')), {
      message: /^ChatSession: unknown option "maxRetrys" \(did you mean "maxRetries"\?\)/,
    });
    assert.throws(() => new ChatSession(model, { maxRetries: -1 }), {
      message: /^ChatSession: option "maxRetries": /,
    });
    const chat = new ChatSession(model);
    await assert.rejects(collect(chat.say("  ")), {
      message: "ChatSession.say: expected a message, got an empty text.",
    });
    const first = chat.events("a");
    await first.next();
    await assert.rejects(collect(chat.say("b")), {
      message: "ChatSession.say: an answer is still being given; read it to its end or abort it first.",
    });
    await first.return();
    assert.equal(await collect(chat.say("b")), "x");
  });

  it("is saved and loaded as JSON", async () => {
    const chat = new ChatSession(new ScriptedModel([RIGHT]), {
      reasoning: small,
      sampling: { seed: 3 },
      maxRetries: 2,
    });
    await collect(chat.say(ASK));
    const saved = JSON.parse(JSON.stringify(chat));
    const model = new ScriptedModel(["oui"]);
    const again = ChatSession.fromJSON(model, saved, { reasoning: full });
    assert.deepEqual(again.toJSON(), saved);
    await collect(again.say("Et elle est lourde ?"));
    assert(model.prompts[0].some(({ content }) => content === RIGHT));
    assert.equal(model.options[0].seed, 3);
    assert.throws(() => ChatSession.fromJSON(model, { ...saved, version: 2 }), {
      message: /^ChatSession\.fromJSON: version: /,
    });
  });
});

describe("AnswerFilter", () => {
  const guidance = "Ton : courtois et direct.\nForme : une phrase.\nCourt.";
  const answer = "Oui. Ton : courtois et direct. Le Ton : cour est long.Forme : une phrase. Court. Fin";
  const clean = "Oui.  Le Ton : cour est long. Court. Fin";

  it("takes guidance out wherever the stream is cut", () => {
    for (let a = 0; a <= answer.length; a++)
      for (let b = a; b <= answer.length; b += 7) {
        const filter = new AnswerFilter(guidance);
        const parts = [answer.slice(0, a), answer.slice(a, b), answer.slice(b)].map((piece) =>
          filter.push(piece),
        );
        assert.equal(parts.join("") + filter.end(), clean, `${a} ${b}`);
      }
  });

  it("drops a long beginning of guidance at the end, and keeps a short one", () => {
    const end = (text: string) => {
      const filter = new AnswerFilter(guidance);
      return filter.push(text) + filter.end();
    };
    assert.equal(end("Oui. Ton : courtois et"), "Oui. ");
    assert.equal(end("Bon To"), "Bon To");
  });
});
