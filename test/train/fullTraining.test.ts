import assert from "node:assert/strict";
import { join } from "node:path";
import { useDevice } from "../../sdk/backend/device.ts";
import type { Example } from "../../sdk/data/dataset.ts";
import { randomModel } from "../../sdk/model/fullTraining.ts";
import { Tokenizer } from "../../sdk/text/tokenizer.ts";
import { train } from "../../sdk/train/train.ts";
import { onCuda } from "../backend/cuda/support.ts";
import { disposeTiny, tinyConfig, tinyExamples } from "../tinyModel.ts";
import { collect, steps } from "./support.ts";

/** Head sizes and widths of the bundled model, in small, where kernels take their fast paths. */
const config = { ...tinyConfig, hiddenSize: 64, headDim: 32, heads: 2, kvHeads: 1, tieEmbeddings: true };

interface Run {
  losses: number[];
  norms: number[];
  parameters: Map<string, Float32Array>;
}

async function run(
  device: "cuda" | "native",
  compute: "float32" | "bfloat16",
  examples: Example[],
  maxSteps = 8,
): Promise<Run> {
  await useDevice(device, { compute });
  const tokenizer = await Tokenizer.load(
    join(import.meta.dirname, "..", "fixtures", "tokenizer", "byteLevel"),
  );
  const model = randomModel(config, tokenizer, 3);
  const events = await collect(
    train(model, examples, {
      epochs: 9,
      maxSteps,
      maxSeqLength: 64,
      microBatchSize: 1,
      gradientAccumulationSteps: 2,
      learningRate: 1e-2,
      weightDecay: 0.1,
      beta2: 0.95,
      gradientCheckpointing: false,
    }),
  );
  const parameters = new Map<string, Float32Array>();
  for (const [name, variable] of model.trainableVariables())
    parameters.set(name, Float32Array.from(variable.dataSync()));
  disposeTiny(model);
  return {
    losses: steps(events).map(({ loss }) => loss),
    norms: steps(events).map(({ gradNorm }) => gradNorm),
    parameters,
  };
}

const furthest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);

// Every weight is trained: the gradients of table, tied head, norms and projections, decay and AdamW come together.
onCuda("full training on the GPU", () => {
  const examples = tinyExamples(60);
  let expected: Run;
  before(async () => {
    expected = await run("native", "float32", examples);
  });
  after(() => useDevice("native"));

  it("gives the loss curve and the weights of the CPU in float32", async () => {
    const { losses, norms, parameters } = await run("cuda", "float32", examples);
    assert.equal(losses.length, 8);
    assert.ok(losses[7] < 0.9 * losses[0], `it learns: ${losses}`);
    assert.ok(furthest(losses, expected.losses) < 1e-4, `${losses} against ${expected.losses}`);
    assert.ok(furthest(norms, expected.norms) < 1e-3, `${norms} against ${expected.norms}`);
    for (const [name, values] of parameters) {
      const distance = furthest(values, expected.parameters.get(name)!);
      assert.ok(distance < 2e-3, `${name}: differs by ${distance}`);
    }
  });

  it("stays near it in bfloat16", async () => {
    const { losses, parameters } = await run("cuda", "bfloat16", examples);
    assert.ok(furthest(losses, expected.losses) < 0.05, `${losses} against ${expected.losses}`);
    // The weights themselves are float32 in both: a step of 1e-5 is not rounded away.
    const table = parameters.get("model.embed_tokens")!;
    const bits = new Uint32Array(table.buffer, table.byteOffset, table.length);
    assert.ok(bits.some((value) => (value & 0xffff) !== 0));
  });

  it("gives the same bits again", async () => {
    const first = await run("cuda", "bfloat16", examples, 2);
    assert.deepEqual(await run("cuda", "bfloat16", examples, 2), first);
  });
});
