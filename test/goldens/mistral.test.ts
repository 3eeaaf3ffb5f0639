import assert from "node:assert/strict";
import type { TokenBatch } from "../../sdk/data/batches.ts";
import { PROJECTIONS } from "../../sdk/model/layers.ts";
import { withAdapter } from "../../sdk/model/lora.ts";
import type { MistralModel } from "../../sdk/model/mistral.ts";
import { quantize } from "../../sdk/model/quantize.ts";
import type { Matrix } from "../../sdk/ops/matrix.ts";
import { microBatchGradients } from "../../sdk/train/gradients.ts";
import { train } from "../../sdk/train/train.ts";
import { DeviceNF4Weight } from "../../sdk/weights/deviceWeight.ts";
import { quantizeScales, scaleOffset } from "../../sdk/weights/doubleQuant.ts";
import { NF4Weight } from "../../sdk/weights/nf4.ts";
import { loadAdapter, readAdapterHead } from "../../sdk/weights/peft.ts";
import { assertClose } from "../compare.ts";
import { GoldenModels, goldenBatch, goldenExamples, greedy, logitsOf, onEveryDevice } from "./models.ts";
import { type GoldenTensors, goldenPath, needsGoldens, readGoldenJson, readGoldenTensors } from "./read.ts";

interface Report {
  recipe: { steps: number; learning_rate: number; weight_decay: number; max_grad_norm: number };
  base: { loss: number };
  nf4: { loss: number };
  lora: Curve;
  nf4_lora: Curve;
}
interface Curve {
  loss: number;
  losses: number[];
  grad_norms: number[];
}

// The card asks for 1e-4 relative. Logits near zero are the difference of terms of size one: their rounding is that
// of the terms, so a share of the largest logits (about 4) is allowed beside it. Seen: 5e-6.
const LOGITS = { rtol: 1e-4, atol: 1e-5 };
// One float32 sum of 28 losses of size six, over logits within 1e-5.
const LOSS = { rtol: 1e-5 };

describe("transformers and PEFT goldens", () => {
  let golden: GoldenTensors;
  let report: Report;
  let batch: TokenBatch;
  let models: GoldenModels;
  before(function () {
    const folders = ["tiny-mistral", "tiny-mistral-tied", "tiny-mistral-nf4", "tiny-adapter"];
    needsGoldens(this, "mistral.safetensors", "mistral.json", ...folders);
    golden = readGoldenTensors("mistral.safetensors");
    report = readGoldenJson<Report>("mistral.json");
    batch = goldenBatch(golden);
    models = new GoldenModels();
  });
  after(() => {
    golden?.close();
    models?.remove();
  });

  /** The four models by the names of their goldens. */
  const variants: Record<"base" | "lora" | "nf4" | "nf4_lora", () => Promise<MistralModel>> = {
    base: () => models.load("tiny-mistral"),
    lora: () => models.loadAdapted(),
    nf4: () => models.load("tiny-mistral-nf4"),
    nf4_lora: async () => {
      const dir = goldenPath("tiny-adapter");
      return withAdapter(await variants.nf4(), loadAdapter(dir, readAdapterHead(dir)));
    },
  };

  onEveryDevice(() => {
    it("quantize makes the bytes of bitsandbytes' checkpoint", async () => {
      const base = await variants.base();
      const [ours, single, theirs] = [
        quantize(base),
        quantize(base, { doubleQuant: false }),
        await variants.nf4(),
      ];
      for (const [i, layer] of theirs.weights.layers.entries()) {
        for (const name of PROJECTIONS) {
          const what = `layer ${i} ${name}`;
          const { packed, scales } = nf4(layer[name].weight, what);
          assert.ok(!(scales instanceof Float32Array), what);
          // The offset is a mean, whose last bits depend on the order of the sum (see nf4.test.ts), and a code that
          // lies halfway can follow it. Given the offset, everything is equal.
          const { absmax } = nf4(single.weights.layers[i][name].weight, what);
          assert.deepEqual(quantizeScales(absmax, scales.offset), scales, what);
          const made = nf4(ours.weights.layers[i][name].weight, what);
          assert.deepEqual(made.packed, packed, what);
          assertClose([scaleOffset(absmax)], [scales.offset], {
            rtol: 8 * 2 ** -24,
            what: `${what}: offset`,
          });
        }
      }
    });

    for (const name of ["base", "lora", "nf4", "nf4_lora"] as const) {
      it(`${name}: logits, and the loss of two packed sequences`, async () => {
        const model = await variants[name]();
        assertClose(logitsOf(model, batch), golden.floats(`${name}.logits`), { ...LOGITS, what: name });
        const { lossSum, tokenLosses } = model.loss(batch);
        const loss = lossSum.dataSync()[0] / batch.trainedTokens;
        assertClose([loss], [report[name].loss], { ...LOSS, what: `${name}: loss` });
        lossSum.dispose();
        tokenLosses.dispose();
        model.dispose();
      });
    }

    it("tied embeddings: logits", async () => {
      const model = await models.load("tiny-mistral-tied");
      assert.equal(model.weights.head, model.weights.embedding);
      assertClose(logitsOf(model, batch), golden.floats("tied.logits"), { ...LOGITS, what: "tied" });
    });

    for (const name of ["base", "nf4"] as const) {
      it(`${name}: 32 greedy tokens with the KV cache`, async () => {
        const wanted = golden.ints(`${name}.greedy`);
        // A margin far above the difference of the logits: the tokens can only agree or be wrong.
        const margins = golden.floats(`${name}.greedy_margin`);
        assert.ok(Math.min(...margins) > 1e-3, `the golden is undecided by ${Math.min(...margins)}`);
        const prompt = batch.ids.slice(0, batch.cuSeqlens[1]);
        assert.deepEqual(greedy(await variants[name](), prompt, wanted.length), wanted);
      });
    }

    for (const name of ["lora", "nf4_lora"] as const) {
      it(`${name}: gradients of every matrix`, async () => {
        const model = await variants[name]();
        const { lossSum, gradients } = microBatchGradients(model, model.trainableVariables(), batch, {});
        assert.equal(gradients.size, 4 * 7 * 2);
        for (const [matrix, gradient] of gradients) {
          const got = (gradient.dataSync() as Float32Array).map((g) => g / batch.trainedTokens);
          assertSameDirection(got, golden.floats(`${name}.grad.${matrix}`), `${name}: ${matrix}`);
          gradient.dispose();
        }
        lossSum.dispose();
        model.dispose();
      });

      it(`${name}: 20 steps of AdamW`, async () => {
        const model = await variants[name]();
        const { recipe } = report;
        const losses: number[] = [];
        const norms: number[] = [];
        const run = train(model, goldenExamples(batch), {
          epochs: recipe.steps,
          learningRate: recipe.learning_rate,
          weightDecay: recipe.weight_decay,
          maxGradNorm: recipe.max_grad_norm,
          scheduler: "constant",
          warmupRatio: 0,
          gradientAccumulationSteps: 1,
          maxSeqLength: batch.ids.length,
        });
        for await (const event of run) {
          if (event.type !== "step") continue;
          losses.push(event.loss);
          norms.push(event.gradNorm);
        }
        // The card allows 1e-3; a missing decay or another clipping would hide in that. Seen: 3e-6.
        assertClose(losses, report[name].losses, { atol: 2e-5, what: `${name}: losses` });
        assertClose(norms, report[name].grad_norms, { rtol: 1e-4, what: `${name}: gradient norms` });
        for (const [matrix, variable] of model.trainableVariables()) {
          const trained = golden.floats(`${name}.trained.${matrix}`);
          // Where a gradient is near zero, its sign decides AdamW's first steps: a share of lr * steps = 0.02.
          // Seen: 3e-5.
          assertClose(variable.dataSync(), trained, { atol: 2e-4, what: `${name}: trained ${matrix}` });
        }
        model.dispose();
      });
    }
  });
});

/** Asked is a cosine >= 0.999999; the length is judged too, which a cosine does not see. */
function assertSameDirection(got: Float32Array, wanted: Float32Array, what: string): void {
  assert.equal(got.length, wanted.length, what);
  let [dot, a, b, difference] = [0, 0, 0, 0];
  for (let i = 0; i < wanted.length; i++) {
    dot += got[i] * wanted[i];
    a += got[i] ** 2;
    b += wanted[i] ** 2;
    difference += (got[i] - wanted[i]) ** 2;
  }
  const cosine = dot / Math.sqrt(a * b);
  assert.ok(cosine >= 0.999999, `${what}: cosine ${cosine}`);
  // Float32 rounding through four layers and back. Seen: 3e-6.
  const distance = Math.sqrt(difference / b);
  assert.ok(distance < 1e-4, `${what}: relative distance ${distance}`);
}

function nf4(weight: Matrix, what: string): NF4Weight {
  const onHost = weight instanceof DeviceNF4Weight ? weight.toHost() : weight;
  assert.ok(onHost instanceof NF4Weight, `${what} is not in NF4`);
  return onHost;
}
