import assert from "node:assert/strict";
import { makeBatch } from "../../sdk/data/batches.ts";
import type { Example } from "../../sdk/data/example.ts";
import { chrF } from "../../sdk/evaluate/chrF.ts";
import { evaluate, meanLoss } from "../../sdk/evaluate/evaluate.ts";
import type { EvaluateOptions } from "../../sdk/evaluate/options.ts";
import type { MistralModel } from "../../sdk/model/mistral.ts";
import { validationLoss } from "../../sdk/train/validation.ts";
import { Interruption } from "../../sdk/views/frontEnd.ts";
import { assertClose } from "../compare.ts";
import { scriptedModel } from "../scriptedModel.ts";
import { disposeTiny, tinyExamples, tinyLoraModel } from "../tinyModel.ts";

describe("meanLoss", () => {
  it("is the mean over all trained tokens, however they are packed", async () => {
    const model = await tinyLoraModel();
    const examples = tinyExamples(12);
    let sum = 0;
    let tokens = 0;
    const means: number[] = [];
    for (const example of examples) {
      const { lossSum, tokenLosses } = model.loss(makeBatch([{ examples: [example], tokens: 0 }]));
      const losses = [...tokenLosses.dataSync()];
      const count = example.labels.filter((label) => label >= 0).length;
      sum += losses.reduce((a, b) => a + b, 0);
      tokens += count;
      means.push(losses.reduce((a, b) => a + b, 0) / count);
      lossSum.dispose();
      tokenLosses.dispose();
    }
    for (const maxSeqLength of [20, 33, 64, 512]) {
      const got = await meanLoss(model, examples, maxSeqLength);
      assert.equal(got.tokens, tokens);
      // Float32 sums of some hundred losses of size four, in another order.
      assertClose([got.loss], [sum / tokens], { rtol: 1e-6, what: `in rows of ${maxSeqLength}` });
      const inTraining = await validationLoss(model, examples, maxSeqLength, new Interruption());
      assert.equal(inTraining, got.loss, "what training reports");
    }
    // The mean of the examples' means is another number, so the test would see it.
    const unweighted = means.reduce((a, b) => a + b, 0) / means.length;
    assert.ok(Math.abs(unweighted - sum / tokens) > 1e-4, `${unweighted} against ${sum / tokens}`);
    disposeTiny(model);
  });
});

describe("evaluate", () => {
  const said = "Oui, 34\u00a0L d\u2019EAU";
  const instruction = "Combien ?";
  let model: MistralModel;
  let answer: string;
  before(async () => {
    const any = await scriptedModel([]);
    const { tokenizer } = any;
    const prompt = [{ role: "user" as const, content: instruction }];
    const { ids } = tokenizer.template.encodeChat(tokenizer, prompt, { addGenerationPrompt: true });
    disposeTiny(any);
    model = await scriptedModel([ids.at(-1)!, ...tokenizer.encode(said), 2]);
    answer = said.trim();
  });
  after(() => disposeTiny(model));

  function question(expected?: string[], response = "Oui, 34 L d'eau"): Example {
    const [example] = tinyExamples(1);
    return {
      ...example,
      instruction,
      response,
      prompt: [{ role: "user", content: instruction }],
      ...(expected ? { expected } : {}),
    };
  }

  it("lets the model answer, and says whether it stopped by itself", async () => {
    const result = await evaluate(model, [question()]);
    assert.deepEqual(result.answers, [
      { instruction, reference: "Oui, 34 L d'eau", answer, correct: undefined, stopped: true },
    ]);
    assert.equal(result.stopped, 1);
    assert.equal(result.expectedFact, undefined);
    assert.equal(result.chrF, chrF(result.answers));
    const { loss, tokens } = await meanLoss(model, [question()]);
    assert.deepEqual([result.loss, result.perplexity, result.tokens], [loss, Math.exp(loss), tokens]);
    const short = await evaluate(model, [question()], { maxNewTokens: 3 });
    assert.deepEqual([short.stopped, short.answers[0].stopped], [0, false]);
    assert.ok(answer.startsWith(short.answers[0].answer));
  });

  for (const [facts, correct] of [
    [["34"], true],
    [["34 l"], true],
    [["35", "oui"], true],
    [["D'EAU"], true],
    [["d\u2019eau"], true],
    [["35"], false],
    [["34L"], false],
    [["35", "non"], false],
  ] as const) {
    it(`${correct ? "finds" : "misses"} ${facts.join(" or ")}`, async () => {
      const { answers, expectedFact } = await evaluate(model, [question([...facts])]);
      assert.equal(answers[0].correct, correct);
      assert.equal(expectedFact, correct ? 1 : 0);
    });
  }

  it("takes the share of facts over the questions that name one", async () => {
    const questions = [question(["34"]), question(["99"]), question(["oui"]), question(), question([])];
    const progress: string[] = [];
    const onProgress = (done: number, total: number) => progress.push(`${done}/${total}`);
    const { expectedFact, examples } = await evaluate(model, questions, { onProgress });
    assert.equal(expectedFact, 2 / 3);
    assert.equal(examples, 5);
    assert.deepEqual(progress, ["1/5", "2/5", "3/5", "4/5", "5/5"]);
  });

  it("gives the loss only when it is asked to", async () => {
    const result = await evaluate(model, [question(["34"])], { answers: false });
    assert.deepEqual(result.answers, []);
    assert.deepEqual([result.chrF, result.expectedFact, result.stopped], [undefined, undefined, undefined]);
    assert.ok(result.loss > 0);
  });

  it("stops between questions", async () => {
    const controller = new AbortController();
    const { answers } = await evaluate(model, [question(), question(), question()], {
      signal: controller.signal,
      onProgress: (done) => done === 2 && controller.abort(),
    });
    assert.equal(answers.length, 2);
  });

  it("refuses no example, and wrong options", async () => {
    await assert.rejects(evaluate(model, []), {
      name: "RangeError",
      message: "evaluate: there is no example; pass held-out rows or a testFraction",
    });
    const call: (m: MistralModel, e: Example[], o: object) => Promise<unknown> = evaluate;
    const wrong: EvaluateOptions & { answer: boolean } = { answer: true, maxNewTokens: 0 };
    await assert.rejects(call(model, [question()], wrong), {
      name: "TypeError",
      message:
        /^evaluate: option "maxNewTokens": .*got 0; unknown option "answer" \(did you mean "answers"\?\)/,
    });
  });
});
