import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { activeCuda } from "../../sdk/backend/cuda/backend.ts";
import type { Cuda } from "../../sdk/backend/cuda/cuda.ts";
import { type Compute, useDevice } from "../../sdk/backend/device.ts";
import { makeBatch, type TokenBatch } from "../../sdk/data/batches.ts";
import { Random } from "../../sdk/data/random.ts";
import type { MistralConfig } from "../../sdk/model/config.ts";
import { KEEPINGS, type Keeping } from "../../sdk/model/keeping.ts";
import { attachLora, withoutLora } from "../../sdk/model/lora.ts";
import type { MistralModel } from "../../sdk/model/mistral.ts";
import { quantize } from "../../sdk/model/quantize.ts";
import type { TrainEvent } from "../../sdk/train/events.ts";
import { choosePlan, type MemoryPlan, predictPeak } from "../../sdk/train/gpuMemory.ts";
import { microBatchGradients } from "../../sdk/train/gradients.ts";
import type { Workload } from "../../sdk/train/layerMemory.ts";
import type { TrainOptions } from "../../sdk/train/options.ts";
import { train } from "../../sdk/train/train.ts";
import { assertClose } from "../compare.ts";
import { skipWithoutGpu } from "../gpuHere.ts";
import { HOST } from "../host.ts";
import { inFolder } from "../inFolder.ts";
import { disposeTiny, tinyExamples, tinyLoraModel, tinyTrainableModel } from "../tinyModel.ts";
import { collect, losses, steps } from "./support.ts";

/** Wide in one direction each: the peak lies in the MLP, in attention, in the loss. */
const SHAPES: Record<string, Partial<MistralConfig>> = {
  plain: {
    hiddenSize: 128,
    layers: 4,
    heads: 4,
    kvHeads: 2,
    headDim: 32,
    intermediateSize: 384,
    vocabSize: 256,
  },
  "narrow MLP": { hiddenSize: 128, layers: 3, heads: 4, kvHeads: 1, headDim: 64, intermediateSize: 64 },
  "large vocabulary": { hiddenSize: 64, layers: 2, heads: 2, kvHeads: 2, headDim: 32, vocabSize: 4096 },
  deep: { hiddenSize: 64, layers: 8, heads: 2, kvHeads: 1, headDim: 32, intermediateSize: 192 },
};

const TOKENS = 128;

/** One batch of so many tokens; half of them are trained. */
function batchOf(tokens: number, vocab: number): TokenBatch {
  const random = new Random(3);
  const ids = Int32Array.from({ length: tokens }, () => random.int(vocab));
  const labels = ids.map((id, i) => (i % 2 === 0 ? id : -100));
  const example = { ids, labels, instruction: "", response: "", prompt: [], line: 1 };
  return makeBatch([{ examples: [example], tokens }]);
}

/** Bytes that one micro batch brought in use, and those that were in use before. */
function measure(cuda: Cuda, model: MistralModel, batch: TokenBatch, plan: MemoryPlan) {
  cuda.keepDequantized = plan.keptCopies;
  cuda.memory.resetPeak();
  const before = cuda.memory.bytes.used;
  const { lossSum, gradients } = microBatchGradients(model, model.trainableVariables(), batch, {
    dropoutSeed: 1,
    keeping: plan.keeping,
  });
  const { peak } = cuda.memory.bytes;
  tf.dispose([lossSum, ...gradients.values()]);
  cuda.keepDequantized = false;
  return { before, peak };
}

describe("GPU memory of training", () => {
  before(function () {
    skipWithoutGpu(this);
  });
  afterEach(() => useDevice(HOST));

  for (const compute of ["bfloat16", "float32"] as const satisfies Compute[]) {
    for (const [name, shape] of Object.entries(SHAPES)) {
      if (compute === "float32" && name === "deep") continue;
      it(`is predicted within 10 %, ${compute}, ${name}`, async () => {
        await useDevice("cuda", { compute });
        const dense = await tinyLoraModel({}, 1, { maxPositions: 512, ...shape });
        await useDevice("cuda", { compute });
        const base = quantize(withoutLora(dense));
        const model = attachLora(base, { r: 8, dropout: 0.1 });
        const cuda = activeCuda()!;
        const batch = batchOf(TOKENS, model.config.vocabSize);
        const { layers } = model.config;
        let settled: number | undefined;
        const mixed = Array.from(
          { length: layers },
          (_, i) => KEEPINGS[KEEPINGS.length - 1 - (i % KEEPINGS.length)],
        );
        for (const keeping of [...KEEPINGS.map((one) => new Array<Keeping>(layers).fill(one)), mixed]) {
          for (const keptCopies of [false, true]) {
            const plan = { keeping, keptCopies };
            const { trainedTokens } = batch;
            const workload = { tokens: TOKENS, longest: TOKENS, trainedTokens, accumulates: false };
            const predicted = predictPeak(cuda, model, workload, plan);
            const { before, peak } = measure(cuda, model, batch, plan);
            // Without the copies of the weights, and with what was uploaded at its first use.
            settled ??= cuda.memory.bytes.used;
            assert.equal(cuda.memory.bytes.used, settled);
            const ratio = (predicted - before) / (peak - before);
            const what = `${JSON.stringify(plan)}: predicted ${predicted - before}, measured ${peak - before}, ratio ${ratio.toFixed(3)}`;
            if (process.env.SHOW_MEMORY) console.log(what);
            // Of what the step adds, which is more than asked: the weights are known.
            assert.ok(ratio > 0.9 && ratio < 1.1, what);
          }
        }
        model.dispose();
        disposeTiny(dense);
      });
    }
  }

  it("is predicted within 10 % where every weight is trained", async () => {
    const model = await tinyTrainableModel({ ...SHAPES.plain, maxPositions: 512 }, 1, "cuda");
    await useDevice("cuda", { compute: "bfloat16" });
    const cuda = activeCuda()!;
    const batch = batchOf(TOKENS, model.config.vocabSize);
    const { trainedTokens } = batch;
    for (const one of KEEPINGS) {
      const plan = { keeping: new Array<Keeping>(model.config.layers).fill(one), keptCopies: false };
      const workload = { tokens: TOKENS, longest: TOKENS, trainedTokens, accumulates: false };
      const predicted = predictPeak(cuda, model, workload, plan);
      const { before, peak } = measure(cuda, model, batch, plan);
      const ratio = (predicted - before) / (peak - before);
      assert.ok(ratio > 0.9 && ratio < 1.1, `${one}: ratio ${ratio.toFixed(3)}`);
    }
    model.dispose();
  });

  /** A driver with room for `limit` bytes, which may change; `restore` takes it off. */
  function limited(cuda: Cuda, start: number) {
    const { driver } = cuda;
    const { allocate, memory } = driver;
    const card = { limit: start, restore: () => Object.assign(driver, { allocate, memory }) };
    cuda.memory.trim();
    driver.allocate = (bytes) => {
      if (cuda.memory.bytes.held + bytes > card.limit) {
        throw Object.assign(new Error("no room, says the test"), { code: "OUT_OF_MEMORY" });
      }
      return allocate.call(driver, bytes);
    };
    driver.memory = () => ({ free: Math.max(0, card.limit - cuda.memory.bytes.held), total: card.limit });
    return card;
  }

  async function onCard(
    work: (model: MistralModel, cuda: Cuda, card: ReturnType<typeof limited>) => Promise<void>,
  ) {
    const model = await tinyLoraModel({ dropout: 0.1 }, 1, {
      hiddenSize: 64,
      intermediateSize: 256,
      layers: 4,
    });
    await useDevice("cuda", { compute: "float32" });
    const cuda = activeCuda()!;
    // The first step takes for good: workspace, weights.
    await collect(train(model, tinyExamples(2), { maxSeqLength: 64, maxSteps: 1 }));
    const card = limited(cuda, 2 ** 33);
    try {
      await work(model, cuda, card);
    } finally {
      card.restore();
      disposeTiny(model);
    }
  }

  const options = {
    maxSeqLength: 64,
    microBatchSize: 8,
    gradientAccumulationSteps: 1,
    epochs: 4,
    maxSteps: 4,
    learningRate: 1e-2,
  };

  it("decides how many layers keep how much", async () => {
    await onCard(async (model, cuda) => {
      const { layers } = model.config;
      const mixture = (less: Keeping, count: number, more: Keeping) =>
        Array.from({ length: layers }, (_, i) => (i < count ? less : more));
      const peakOf = (workload: Workload, keeping: Keeping[]) =>
        predictPeak(cuda, model, workload, { keeping, keptCopies: false });
      const short = { tokens: 512, longest: 64, trainedTokens: 300, accumulates: false };
      // From everything kept over two thirds of it to nothing: what fits is taken, in this order.
      const order = [
        ...[0, 2, 4].map((count) => mixture("lean", count, "all")),
        ...[2, 3].map((count) => mixture("input", count, "lean")),
      ];
      const peaks = order.map((keeping) => peakOf(short, keeping));
      for (const [i, peak] of peaks.entries()) {
        assert.ok(i === 0 || peak < peaks[i - 1], `${peaks}`);
        const plan = choosePlan(cuda, model, short, peak)!;
        assert.deepEqual(plan.keeping, order[i]);
        assert.equal(plan.peakBytes, peak);
      }
      assert.equal(choosePlan(cuda, model, short, cuda.memory.bytes.used), undefined);
      // In long sequences the result of attention is worth its place first.
      const long = { ...short, longest: 512 };
      const room = peakOf(long, mixture("input", 1, "attention"));
      assert.deepEqual(choosePlan(cuda, model, long, room)!.keeping, mixture("input", 1, "attention"));
    });
  });

  it("that runs out anywhere in a micro batch leaves everything as it was", async () => {
    await onCard(async (model, cuda) => {
      const batch = batchOf(40, model.config.vocabSize);
      const variables = model.trainableVariables();
      const { memory } = cuda;
      let takes = 0;
      let failing = 0;
      const take = memory.take.bind(memory);
      memory.take = (bytes) => {
        if (++takes === failing) throw Object.assign(new Error("no room"), { code: "OUT_OF_MEMORY" });
        return take(bytes);
      };
      try {
        for (const keeping of ["all", ["attention", "input", "lean", "all"]] satisfies (
          | Keeping
          | Keeping[]
        )[]) {
          const step = () => {
            takes = 0;
            const result = microBatchGradients(model, variables, batch, {
              dropoutSeed: 1,
              keeping,
            });
            const values = [...result.gradients.values()].map((gradient) =>
              gradient.dataSync<"float32">().slice(),
            );
            tf.dispose([result.lossSum, ...result.gradients.values()]);
            return values;
          };
          failing = 0;
          step();
          const before = { used: memory.bytes.used, tensors: tf.memory().numTensors };
          const expected = step();
          const all = takes;
          assert.ok(all > 200, `${all}`);
          for (failing = 1; failing <= all; failing += 5) {
            assert.throws(step, { code: "OUT_OF_MEMORY" }, `take ${failing}`);
            assert.deepEqual(
              { used: memory.bytes.used, tensors: tf.memory().numTensors },
              before,
              `take ${failing}`,
            );
          }
          failing = 0;
          assert.deepEqual(step(), expected);
        }
      } finally {
        memory.take = take;
      }
    });
  });

  it("that runs out halves the micro batch in mid-run, with the same curve and nothing left behind", async () => {
    const examples = tinyExamples(40);
    let expected: number[] = [];
    await onCard(async (model) => {
      expected = losses(await collect(train(model, examples, options)));
    });
    await onCard(async (model, cuda, card) => {
      const before = { tensors: tf.memory().numTensors, used: cuda.memory.bytes.used };
      const events = [];
      for await (const event of train(model, examples, options)) {
        events.push(event);
        if (event.type === "start")
          assert.deepEqual(event.plan, {
            layers: { all: 4, lean: 0, attention: 0, input: 0 },
            keptCopies: false,
          });
        // Another program takes what a step of 8 rows needs.
        if (event.type === "step" && event.step === 1) {
          cuda.memory.trim();
          const peak = event.gpuPeakBytes!;
          card.limit = Math.floor(cuda.memory.bytes.held + (peak - cuda.memory.bytes.used) / 4);
        }
      }
      const told = events.filter((event) => event.type === "memory");
      assert.ok(told.length > 0);
      assert.match(
        told[0].text,
        /^out of GPU memory in step \d with 8 rows in a micro batch: .* microBatchSize 4 and gradientAccumulationSteps 2/,
      );
      assertClose(losses(events), expected, { what: "curve", rtol: 1e-4 });
      assert.equal(tf.memory().numTensors, before.tensors);
      assert.equal(cuda.memory.bytes.used, before.used);
    });
  });

  it("is the same after each step, whatever the batches have left behind", async () => {
    await onCard(async (model, cuda) => {
      const used: number[] = [];
      const peaks: number[] = [];
      const many = { ...options, microBatchSize: 2, gradientAccumulationSteps: 2, epochs: 20, maxSteps: 24 };
      for await (const event of train(model, tinyExamples(40), many)) {
        if (event.type !== "step") continue;
        used.push(cuda.memory.bytes.used);
        peaks.push(event.gpuPeakBytes!);
      }
      assert.equal(used.length, 24);
      assert.deepEqual(used, new Array(24).fill(used[0]));
      // Batches differ in length, and the longest makes the peak.
      assert.ok(peaks[23] < 1.05 * Math.max(...peaks.slice(0, 12)), `${peaks}`);
    });
  });

  it("that is too small for one row ends the run with a checkpoint, and it can go on", async () => {
    await inFolder(async (dir) => {
      const examples = tinyExamples(40);
      await onCard(async (model, _, card) => {
        const events: TrainEvent[] = [];
        const run = async () => {
          for await (const event of train(model, examples, { ...options, outputDir: dir })) {
            events.push(event);
            if (event.type !== "step" || event.step !== 2) continue;
            card.limit = 0;
          }
        };
        await assert.rejects(
          run,
          /stopped at step 3 of 4: not even one row fits.*is saved in .*checkpoint-2/,
        );
        assert.deepEqual(
          events.slice(-2).map((event) => (event.type === "done" ? event.reason : event.type)),
          ["checkpoint", "memory"],
        );
        card.limit = 2 ** 33;
        const rest = await collect(train(model, examples, { ...options, outputDir: dir, resume: true }));
        assert.equal(steps(rest).length, 2);
      });
    });
  });

  it("that is too small from the beginning is an error that says what would fit", async () => {
    await onCard(async (model, cuda, card) => {
      const accumulating = { ...options, gradientAccumulationSteps: 2 };
      const examples = tinyExamples(200);
      const first = async (settings: TrainOptions) => {
        const run = train(model, examples, settings);
        try {
          await run.next();
        } finally {
          await run.return();
        }
      };
      /** Makes the card so large that a micro batch of `tokens` tokens fits when all is computed again. */
      const makeRoomFor = (tokens: number) => {
        cuda.memory.trim();
        const keeping = new Array<Keeping>(model.config.layers).fill("input");
        const workload = { tokens, longest: tokens, trainedTokens: tokens, accumulates: true };
        const peak = predictPeak(cuda, model, workload, { keeping, keptCopies: false });
        let moments = 0;
        for (const { size } of model.trainableVariables().values()) moments += 2 * 4 * size;
        card.limit = cuda.memory.bytes.held + moments + (peak - cuda.memory.bytes.used) / 0.95;
      };
      makeRoomFor(5.5 * 64);
      let size = 0;
      // 64 rows in a step, and 60: only the latter are steps of the size that fits.
      for (const [microBatchSize, how] of [
        [32, /; for the same result set microBatchSize 4 and gradientAccumulationSteps 16$/],
        [30, /; set gradientAccumulationSteps 12 with it for the same result$/],
      ] as const) {
        await assert.rejects(first({ ...accumulating, microBatchSize }), (error: Error) => {
          const found = /takes at least .* the largest microBatchSize that fits is (\d+)/.exec(error.message);
          assert.ok(found, error.message);
          size = Number(found[1]);
          assert.equal(size, 5);
          assert.match(error.message, how);
          return true;
        });
      }
      // What it says is true: that size fits and runs, and one more is refused.
      await first({ ...accumulating, microBatchSize: size });
      await assert.rejects(
        first({ ...accumulating, microBatchSize: size + 1 }),
        new RegExp(`fits is ${size};`),
      );
      makeRoomFor(20);
      await assert.rejects(
        first(accumulating),
        /not even microBatchSize 1 fits: the largest maxSeqLength that does is \d+$/,
      );
      card.limit = 0;
      await assert.rejects(first(accumulating), /the model itself does not fit: free the GPU's memory/);
    });
  });
});
