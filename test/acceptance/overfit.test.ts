import assert from "node:assert/strict";
import { join } from "node:path";
import { useDevice } from "../../sdk/backend/device.ts";
import { addonProblem, loadAddon } from "../../sdk/backend/loadAddon.ts";
import { loadCsv } from "../../sdk/data/csv.ts";
import { prepareDataset } from "../../sdk/data/dataset.ts";
import { evaluate } from "../../sdk/evaluate/evaluate.ts";
import { randomModel } from "../../sdk/model/fullTraining.ts";
import { Tokenizer } from "../../sdk/text/tokenizer.ts";
import { train } from "../../sdk/train/train.ts";

const DATA = join(import.meta.dirname, "../../data");

describe("overfitting", () => {
  it("gives 20 exact answers that stop by themselves", async function () {
    if (!loadAddon()) {
      console.log(`      skipped: minutes on plain tfjs; ${addonProblem()}`);
      this.skip();
    }
    this.timeout(120_000);
    await useDevice("native");
    const tokenizer = await Tokenizer.load(join(DATA, "models", "mini"));
    const { train: all } = prepareDataset(await loadCsv(join(DATA, "ecommerce.fr.csv")), tokenizer);
    // Different questions: two answers to one cannot both be given.
    const examples = [...new Map(all.map((example) => [example.instruction, example])).values()].slice(0, 20);
    assert.equal(examples.length, 20);
    const model = randomModel(
      {
        hiddenSize: 96,
        layers: 2,
        heads: 4,
        kvHeads: 2,
        headDim: 24,
        intermediateSize: 192,
        vocabSize: tokenizer.vocabSize,
        maxPositions: 256,
        ropeTheta: 10000,
        rmsNormEps: 1e-5,
        slidingWindow: null,
        tieEmbeddings: true,
        bosId: 1,
        eosIds: [tokenizer.eosId],
      },
      tokenizer,
    );
    let last = Number.POSITIVE_INFINITY;
    const options = { epochs: 60, learningRate: 5e-3, maxSeqLength: 256, gradientAccumulationSteps: 1 };
    for await (const event of train(model, examples, options)) if (event.type === "step") last = event.loss;
    const { answers, chrF } = await evaluate(model, examples);
    assert.deepEqual(
      answers.map(({ answer }) => answer),
      examples.map(({ response }) => response.trim()),
      `the last loss was ${last}`,
    );
    assert.ok(answers.every(({ stopped }) => stopped));
    assert.equal(chrF, 100);
    model.dispose();
  });
});
