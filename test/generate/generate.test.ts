import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { type FinishReason, generate } from "../../sdk/generate/generate.ts";
import type { GenerateOptions } from "../../sdk/generate/options.ts";
import { MistralModel } from "../../sdk/model/mistral.ts";
import { scriptedModel } from "../scriptedModel.ts";
import { disposeTiny, tinyTrainableModel } from "../tinyModel.ts";

interface Answer {
  ids: number[];
  text: string;
  pieces: string[];
  reason: FinishReason;
}

async function answer(
  model: MistralModel,
  prompt: readonly number[],
  options: GenerateOptions = {},
  onPiece: (count: number) => void = () => {},
): Promise<Answer> {
  const run = generate(model, prompt, options);
  const ids: number[] = [];
  const pieces: string[] = [];
  for (;;) {
    const next = await run.next();
    if (next.done) return { ids, text: pieces.join(""), pieces, reason: next.value };
    if (next.value.id >= 0) ids.push(next.value.id);
    pieces.push(next.value.text);
    onPiece(pieces.length);
  }
}

describe("generate", () => {
  /** Random weights, large enough that the logits differ by more than rounding. */
  let model: MistralModel;
  const prompt = [1, 40, 41, 42];
  before(async () => {
    model = await tinyTrainableModel({ vocabSize: 272, maxPositions: 48 });
    for (const variable of model.trainableVariables().values()) {
      if (variable.rank === 2) variable.assign(tf.tidy(() => tf.mul(variable, 10)));
    }
    model = new MistralModel(
      { ...model.config, eosIds: [271] },
      model.weights,
      model.tokenizer,
      model.source,
    );
  });
  after(() => disposeTiny(model));

  it("takes at each step the best token of a full forward pass", async () => {
    const { ids, reason } = await answer(model, prompt, { maxNewTokens: 30 });
    assert.equal(reason, "length");
    assert.equal(ids.length, 30);
    assert.ok(new Set(ids).size > 3, `a text that says something: ${ids}`);
    const all = [...prompt, ...ids];
    for (let n = prompt.length; n < all.length; n++) {
      const logits = tf.tidy(() => {
        const row = Int32Array.from(all.slice(0, n));
        const cuSeqlens = Int32Array.of(0, n);
        const hidden = model.forward({ ids: row, positions: row.map((_, i) => i), cuSeqlens });
        return Array.from(model.logits(hidden.slice([n - 1, 0], [1, -1])).dataSync());
      });
      const best = logits.indexOf(Math.max(...logits));
      assert.equal(all[n], best, `token ${n}`);
      // Else the test could pass or fail by the rounding of the cached path.
      const [first, second] = [...logits].sort((a, b) => b - a);
      assert.ok(first - second > 1e-4, `token ${n} is undecided by ${first - second}`);
    }
  });

  it("never takes an id that the tokenizer does not have", async () => {
    const padded = await tinyTrainableModel({ vocabSize: 2000 });
    const { ids } = await answer(padded, prompt, { temperature: 1, maxNewTokens: 30 });
    assert.ok(Math.max(...ids) < padded.tokenizer.vocabSize, `${ids}`);
    disposeTiny(padded);
  });

  it("leaves no tensor behind", async () => {
    const before = tf.memory().numTensors;
    await answer(model, prompt, { maxNewTokens: 5 });
    assert.equal(tf.memory().numTensors, before);
  });

  it("ends with the context window", async () => {
    const { ids, reason } = await answer(model, prompt, { maxNewTokens: 1000 });
    assert.equal(reason, "length");
    assert.equal(ids.length, 48 - prompt.length);
  });

  it("refuses an empty prompt and one that fills the window", async () => {
    await assert.rejects(answer(model, []), {
      name: "RangeError",
      message: "generate: the prompt has no token; expected at least BOS",
    });
    const full = new Array<number>(48).fill(5);
    await assert.rejects(answer(model, full), {
      name: "RangeError",
      message: "generate: the prompt has 48 tokens and the model sees at most 48; shorten it",
    });
    assert.equal((await answer(model, full.slice(1))).ids.length, 1);
  });

  it("refuses wrong options", async () => {
    await assert.rejects(answer(model, prompt, { maxNewTokens: 0, temperature: -1 }), {
      name: "TypeError",
      message: /^generate: option "temperature": .*>=0, got -1; option "maxNewTokens": .*>=1, got 0$/,
    });
    // Options from JavaScript are not checked by the compiler.
    const call: (m: MistralModel, p: number[], options: object) => Promise<Answer> = answer;
    await assert.rejects(
      call(model, prompt, { maxTokens: 5 }),
      /^TypeError: generate: unknown option "maxTokens" \(did you mean "maxNewTokens"\?\); known: temperature, topK,/,
    );
    await assert.rejects(call(model, prompt, { topk: 5 }), /unknown option "topk" \(did you mean "topK"\?\)/);
  });

  it("repeats itself with a seed, and only then", async () => {
    const sample = async (seed: number) =>
      (await answer(model, prompt, { temperature: 1, maxNewTokens: 40, seed })).ids;
    const first = await sample(3);
    assert.deepEqual(await sample(3), first);
    assert.notDeepEqual(await sample(4), first);
    assert.notDeepEqual((await answer(model, prompt, { maxNewTokens: 40 })).ids, first);
  });

  it("gives nothing when it was aborted before, and ends after the piece in which it is", async () => {
    const aborted = await answer(model, prompt, { signal: AbortSignal.abort() });
    assert.deepEqual([aborted.reason, aborted.ids], ["aborted", []]);
    const controller = new AbortController();
    const stopped = await answer(model, prompt, { signal: controller.signal }, (count) => {
      if (count === 3) controller.abort();
    });
    assert.deepEqual([stopped.reason, stopped.ids.length], ["aborted", 3]);
  });

  it("lets timers run between tokens", async () => {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), 10);
    const long = new MistralModel(
      { ...model.config, maxPositions: 100_000 },
      model.weights,
      model.tokenizer,
      "",
    );
    const { reason } = await answer(long, prompt, { maxNewTokens: 20_000, signal: controller.signal });
    clearTimeout(timer);
    assert.equal(reason, "aborted");
  });
});

describe("generate, the end of a text", () => {
  let ids: number[];
  let model: MistralModel;
  before(async () => {
    const any = await scriptedModel([]);
    ids = any.tokenizer.encode("Le prix: 34 \u00e9uQ?");
    // The scripted model knows each id once; a second one would send it back.
    ids = [...new Set(ids)];
    disposeTiny(any);
    model = await scriptedModel([1, ...ids, 2]);
  });
  after(() => disposeTiny(model));

  const whole = () => model.tokenizer.decode(ids);

  it("comes with the end-of-sequence token, which is not given out", async () => {
    const { text, reason, ids: got } = await answer(model, [1]);
    assert.equal(reason, "eos");
    assert.deepEqual(got, ids);
    assert.equal(text, whole());
    assert.ok(text.includes("\u00e9") && text.length > 8, `a text with a character of two bytes: ${text}`);
  });

  it("comes before a stop text, wherever it begins and however many tokens it spans", async () => {
    for (let from = 0; from < whole().length; from++) {
      for (const length of [1, 3, 5]) {
        const stop = whole().slice(from, from + length);
        const at = whole().indexOf(stop);
        const { text, reason } = await answer(model, [1], { stop: ["nowhere", stop] });
        assert.deepEqual([reason, text], ["stop", whole().slice(0, at)], JSON.stringify(stop));
      }
    }
  });

  it("takes the stop text that comes first", async () => {
    const [late, early] = [whole().slice(8, 10), whole().slice(3, 5)];
    assert.equal((await answer(model, [1], { stop: [late, early] })).text, whole().slice(0, 3));
    // Both are whole with the same token; one began before the other.
    const [shorter, longer] = [whole().slice(4, 6), whole().slice(3, 6)];
    assert.equal((await answer(model, [1], { stop: [shorter, longer] })).text, whole().slice(0, 3));
  });

  it("gives out what only began like a stop text", async () => {
    const last = whole().slice(-3);
    const { text, reason, pieces } = await answer(model, [1], {
      stop: [`${last}!`, `${whole().slice(2, 5)}#`],
    });
    assert.deepEqual([reason, text], ["eos", whole()]);
    assert.equal(pieces.at(-1), last);
    const cut = await answer(model, [1], { stop: [`${last}!`], maxNewTokens: ids.length });
    assert.deepEqual([cut.reason, cut.text], ["length", whole()]);
  });

  it("comes with any of several ends", async () => {
    const several = new MistralModel(
      { ...model.config, eosIds: [2, ids[4]] },
      model.weights,
      model.tokenizer,
      "",
    );
    const { ids: got, reason } = await answer(several, [1]);
    assert.deepEqual([reason, got], ["eos", ids.slice(0, 4)]);
  });
});
