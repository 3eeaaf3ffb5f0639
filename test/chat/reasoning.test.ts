import assert from "node:assert/strict";
import { loadDomain, parseDomain } from "../../sdk/chat/domain/domain.ts";
import { defaultStages, ReasoningSystem } from "../../sdk/chat/reasoning.ts";
import type { QuestionStage } from "../../sdk/chat/stage.ts";
import { findings, formatTrace } from "../../sdk/chat/trace.ts";

describe("ReasoningSystem", () => {
  let system: ReasoningSystem;
  before(async () => {
    system = new ReasoningSystem(await loadDomain("ecommerce.fr"));
  });

  it("gives one entry a stage, as plain data, the same each time", () => {
    const strip = () =>
      system.analyse("Où est mon colis ?").entries.map((entry) => ({ ...entry, milliseconds: 0 }));
    assert.deepEqual(
      strip().map(({ stage }) => stage),
      ["categorise", "context", "entities", "approach"],
    );
    assert.deepEqual(strip(), strip());
    const trace = system.analyse("Où est mon colis ?");
    assert.deepEqual(JSON.parse(JSON.stringify(trace)), trace);
    system.check("Ouvrez « Mon sillon ».", trace);
    system.check("Ouvrez « Mon sillon ».", trace);
    assert.deepEqual(trace.entries.map(({ stage }) => stage).slice(4), ["consistency"]);
  });

  it("takes, replaces and leaves out stages; a name may not come twice", () => {
    const length: QuestionStage<number> = {
      name: "length",
      looksAt: "question",
      run: ({ query, earlier }) => ({
        value: query.raw.length,
        summary: `${query.raw.length} ${String(earlier.length)}`,
        scores: {},
        evidence: [],
      }),
    };
    const own = new ReasoningSystem(system.domain, { stages: [length] });
    const trace = own.analyse("abc");
    assert.equal(findings(trace).length, 3);
    assert.equal(trace.entries[0].summary, "3 undefined");
    assert.deepEqual(own.check("x", trace), { consistent: true, score: 1, issues: [] });
    assert.throws(
      () => new ReasoningSystem(system.domain, { stages: [...defaultStages, defaultStages[0]] }),
      {
        message: 'ReasoningSystem stages: expected each name once, got "categorise" twice.',
      },
    );
    // Each stage must do without the ones before it.
    for (const stage of defaultStages) {
      const alone = new ReasoningSystem(system.domain, { stages: [stage] });
      const only = alone.analyse("Où est mon colis ?", { messages: [{ role: "user", content: "Bonjour" }] });
      alone.check("Ici.", only);
      assert.equal(only.entries.length, 1, stage.name);
    }
  });

  it("tells the model what it found, as much as the domain says", () => {
    const guidance = (promptGuidance: string) => {
      const own = new ReasoningSystem(parseDomain({ ...system.domain, promptGuidance }));
      return own.guidance(
        own.analyse("La brouette Hirondelle est cassée, c'est inadmissible ! Quel est son poids ?"),
      );
    };
    assert.equal(guidance("question"), "");
    assert.match(guidance("short"), /^La question porte sur : [^\n]*\.$/);
    const full = guidance("full").split("\n");
    assert(full.includes("Ton : compréhensif, reconnaître la gêne du client."), full.join("\n"));
    assert(full.some((line) => /^Le client a cité : .*brouette Hirondelle/.test(line)));
    assert(
      full.some((line) => /^Faits sûrs : .*11,3 kg/.test(line)),
      full.join("\n"),
    );
    const own = new ReasoningSystem(parseDomain({ ...system.domain, promptGuidance: "short" }));
    const finding = own.check("", own.analyse("Où est mon colis ?"));
    assert.equal(
      own.retryGuidance(finding),
      "La réponse précédente était fausse : La réponse est vide. Répondre autrement.",
    );
    assert.equal(system.retryGuidance(finding), "");
  });

  it("writes the trace as a box of even lines, with colours only on request", () => {
    const trace = system.analyse("bonjour, où est mon colis n° 784512 ?");
    trace.prompt = {
      question: "Q",
      system: "",
      tokens: 9,
      messagesKept: 2,
      messagesDropped: 4,
      reason: "window",
      retries: 1,
      fallback: true,
    };
    const box = formatTrace(trace, { width: 72 });
    for (const line of box.split("\n")) assert.equal(line.length, 72, line);
    assert.match(box, /^┌─ Raisonnement ─+┐\n│ Catégorie +LIVRAISON \d+ %/);
    assert.match(box, /« Q » · 9 tokens · 2 gardés, 4 laissés \(fenêtre/);
    assert.match(box, /↻ 1 · secours/);
    assert.match(box, /─ \d+\.\d ms ─┘$/);
    assert(!box.includes("\x1b"));
    assert(formatTrace(trace, { color: true }).includes("\x1b["));
    assert.equal(formatTrace(trace, { width: 3 }).split("\n")[0].length, 40);
    for (let width = 40; width < 100; width++)
      assert.doesNotMatch(formatTrace(trace, { width }), /« *│|│ *»/, "guillemets stay with their words");
  });

  it("thinks fast", () => {
    const history = { messages: [{ role: "user" as const, content: "Combien coûte la tente ?" }] };
    const run = () => {
      const start = performance.now();
      for (let i = 0; i < 50; i++)
        system.analyse("bjr ma cmd n° 784512 est en retard, livraison à Lyon svp", history);
      return (performance.now() - start) / 50;
    };
    // The best of ten runs: other work on the machine may slow some, not speed one.
    const best = Math.min(...Array.from({ length: 10 }, run));
    assert(best < 2, `${best} ms a query`);
  });

  it("asks the model for a second opinion where the domain wants one, and measures it apart", async () => {
    const domain = await loadDomain("ecommerce.fr");
    const asked: string[] = [];
    const model = {
      logLikelihoods: async (question: string, answers: readonly string[]) => {
        asked.push(question);
        // After a question RETOUR is likelier than it is after none; long names are unlikely in both.
        return answers.map((id) => -id.length + (id === "RETOUR" && !question.includes("…") ? 9 : 0));
      },
    };
    const query = "Où est mon colis ?";
    const alone = new ReasoningSystem(domain);
    assert.equal((await alone.analyseWith(model, query)).entries[0].modelMilliseconds, undefined);
    assert.deepEqual(asked, []);
    const system = new ReasoningSystem({ ...domain, categorize: { useModel: true, modelWeight: 0.9 } });
    const trace = await system.analyseWith(model, query);
    const { categorise } = findings(trace);
    assert.equal(categorise?.category, "RETOUR");
    assert((categorise?.secondOpinion?.RETOUR ?? 0) > 0.99);
    assert(trace.entries[0].evidence.some(({ rule }) => rule === "model"));
    assert.equal(typeof trace.entries[0].modelMilliseconds, "number");
    assert.match(formatTrace(trace), /│ +\+ avis du modèle \(\d+\.\d ms\) +│/);
    assert.match(asked[0], /« Où est mon colis \? »/);
    // Later stages see what the model changed.
    assert.equal(findings(trace).approach?.begin, "Pour votre retour :");
    // Without the model the same system decides alone.
    assert.equal(findings(system.analyse(query)).categorise?.category, "LIVRAISON");
  });
});
