import assert from "node:assert/strict";
import { inspect } from "node:util";
import * as tf from "@tensorflow/tfjs";
import { evaluate } from "../../sdk/evaluate/evaluate.ts";
import { compareEvaluations, worstAnswers } from "../../sdk/evaluate/table.ts";
import { trainableParameters } from "../../sdk/model/lora.ts";
import { quantize, weightBytes } from "../../sdk/model/quantize.ts";
import { DISPLAY, type Displayable, displayable, type MimeBundle } from "../../sdk/views/bundle.ts";
import { tensorView } from "../../sdk/views/tensor.ts";
import { disposeTiny, tinyExamples, tinyLoraModel } from "../tinyModel.ts";

function shown(value: unknown): MimeBundle {
  return (value as Displayable)[DISPLAY]();
}

describe("values in a notebook", () => {
  it("lets a plain value show itself and stay plain", () => {
    const value = displayable({ a: 1 }, ({ a }) => ({ "text/plain": `a is ${a}` }));
    assert.deepEqual(shown(value), { "text/plain": "a is 1" });
    assert.deepEqual(Object.keys(value), ["a"]);
    assert.deepEqual(value, { a: 1 });
    assert.equal(JSON.stringify(value), '{"a":1}');
    assert.deepEqual(Object.getOwnPropertySymbols({ ...value }), []);
  });

  it("shows a tensor's shape, type and statistics, and what is not finite apart", async () => {
    const model = await tinyLoraModel();
    const tensor = tf.tensor2d([1, 2, 3, 4, 5, 9], [2, 3]);
    const bundle = shown(tensor);
    // The mean of 1 2 3 4 5 9 is 4; the squares of the distances add up to 40, and sqrt(40 / 6) is 2.582.
    assert.match(
      bundle["text/plain"],
      /^Tensor shape \[2, 3\], dtype float32, mean 4, std 2\.582, min 1, max 9, size 24 B/,
    );
    assert.match(bundle["text/html"]!, /<span>shape<\/span> <b>\[2, 3\]<\/b>/);
    const broken = tensorView({ shape: [3], dtype: "float32", values: [1, Number.NaN, 3] });
    assert.match(broken["text/plain"], /mean 2, std 1, min 1, max 3, not finite 1 of 3/);
    const [variable] = model.trainableVariables().values();
    assert.match(shown(variable)["text/plain"], /^Variable .*shape \[4, 32\]/);
    assert.match(shown(tf.tensor(["a"]))["text/plain"], /shape \[1\], dtype string/);
    tensor.dispose();
    assert.match(shown(tensor)["text/plain"], /^Tensor \(disposed\) shape/);
    disposeTiny(model);
  });

  it("prints a tensor in one line where it is part of another value", async () => {
    const model = await tinyLoraModel();
    const [w, b, many] = [
      tf.tensor2d([1, 2.5, Number.NaN, 4], [2, 2]),
      tf.tensor1d([1, 0], "bool"),
      tf.zeros([17]),
    ];
    assert.equal(
      inspect(
        new Map<string, unknown>([
          ["w", w],
          ["rest", { many, all: [b, tf.tensor(["a"])] }],
        ]),
        { depth: 4 },
      ),
      `Map(2) {
  'w' => Tensor [2, 2] float32: 1, 2.5, –, 4,
  'rest' => {
    many: Tensor [17] float32,
    all: [ Tensor [2] bool: 1, 0, Tensor [1] string ]
  }
}`,
    );
    const [variable] = model.trainableVariables().values();
    assert.match(inspect([variable]), /^\[ Variable \S+ \[4, 32\] float32 \]$/);
    b.dispose();
    assert.equal(inspect({ b }), "{ b: Tensor (disposed) [2] bool }");
    disposeTiny(model);
  });

  it("shows a model by its matrices, with the memory and the trained values of each", async () => {
    const model = await tinyLoraModel({ r: 4 });
    const text = shown(model)["text/plain"];
    assert.match(text, new RegExp(`trainable: ${trainableParameters(model).toLocaleString("en-US")} `));
    assert.match(text, /r 4, alpha 8, dropout 0, on q_proj, k_proj/);
    assert.match(text, /q_proj 2 × 32 × 32 float32 8\.00 KiB/);
    const html = shown(model)["text/html"]!;
    // A is [4, 32] and B is [32, 4] in each of two layers.
    assert.match(
      html,
      /<td[^>]*>q_proj<\/td><td class="mlab-n">2<\/td><td[^>]*>32 × 32<\/td><td[^>]*>float32<\/td>.*?<td class="mlab-n">512<\/td>/,
    );
    const { layers, ...rest } = model.weights;
    const bare = Object.assign(Object.create(Object.getPrototypeOf(model)), model, {
      weights: { ...rest, layers: layers.map((layer) => ({ ...layer })) },
    });
    for (const layer of bare.weights.layers)
      for (const name of [
        "q_proj",
        "k_proj",
        "v_proj",
        "o_proj",
        "gate_proj",
        "up_proj",
        "down_proj",
      ] as const)
        layer[name] = { weight: layer[name].weight };
    const small = quantize(bare);
    assert.match(shown(small)["text/plain"], /q_proj 2 × 32 × 32 NF4, \d\.\d\d bits/);
    assert.ok(weightBytes(small).bytes < weightBytes(model).bytes);
    disposeTiny(model);
  });

  it("shows an evaluation, and a comparison with the better value in bold", async () => {
    const model = await tinyLoraModel();
    const evaluation = await evaluate(model, tinyExamples(2), { answers: false });
    assert.match(shown(evaluation)["text/plain"], /2 questions\nloss \(nats\) +\d\.\d{3}/);
    const better = { ...evaluation, loss: evaluation.loss / 2 };
    const comparison = compareEvaluations({ base: evaluation, tuned: better });
    assert.equal(comparison.tuned.loss, better.loss);
    const html = shown(comparison)["text/html"]!;
    const row = html.match(/<th scope="row"[^>]*>loss \(nats\)<\/th>(.*?)<\/tr>/)![1];
    assert.equal(
      row,
      `<td class="mlab-n">${evaluation.loss.toFixed(3)}</td><td class="mlab-n mlab-best">${better.loss.toFixed(3)}</td>`,
    );
    disposeTiny(model);
  });

  it("puts the answers first that most need a look", () => {
    const answer = (text: string, correct: boolean | undefined, stopped = true) => ({
      instruction: text,
      answer: text,
      reference: "un deux trois",
      correct,
      stopped,
    });
    const list = [
      answer("un deux trois", true),
      answer("quatre", false),
      answer("un deux", false),
      answer("x", true, false),
    ];
    assert.deepEqual(
      worstAnswers(list, 3).map(({ instruction }) => instruction),
      ["quatre", "un deux", "x"],
    );
  });
});
