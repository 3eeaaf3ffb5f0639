/**
 * `npm run pretrain -- --corpus DIR`: trains the bundled base model from nothing on the corpus of `corpus.ts`, with
 * the SDK's own training loop, and writes it to `data/models/mini`. The recipe is `recipe.ts`. What lies in `--out` is
 * always the model that was best on the held-out documents so far. Ctrl-C saves a checkpoint and `--resume` goes on
 * from it.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DEVICES, type Device, useDevice } from "../sdk/backend/device.ts";
import type { Example } from "../sdk/data/example.ts";
import { meanLoss } from "../sdk/evaluate/evaluate.ts";
import type { MistralConfig } from "../sdk/model/config.ts";
import { randomModel, saveModel } from "../sdk/model/fullTraining.ts";
import { loadModel } from "../sdk/model/load.ts";
import { trainableParameters } from "../sdk/model/lora.ts";
import { Tokenizer } from "../sdk/text/tokenizer.ts";
import type { TrainOptions } from "../sdk/train/options.ts";
import { train } from "../sdk/train/train.ts";
import { recipe, type ShapeName, shapes } from "./recipe.ts";
import { corpusTokens, documentExamples } from "./tokens.ts";

const HELP = `npm run pretrain -- --corpus DIR [options]

  --corpus DIR      train.jsonl and heldout.jsonl, as pretrain/corpus.ts writes them, or the .tokens made from them
  --tokenizer DIR   default data/models/mini
  --out DIR         where the model goes; default data/models/mini
  --run DIR         checkpoints and log; default runs/pretrain
  --shape NAME      ${Object.keys(shapes).join(", ")}; default ${recipe.shape}
  --device NAME     ${DEVICES.join(", ")}; default auto
  --epochs N        passes over the corpus, at most; default ${recipe.epochs}
  --steps N         ends after so many optimizer steps, and the learning rate with them; without --epochs and
                    --seconds the default is ${recipe.steps}
  --seconds N       as many steps as fit, going by the pace of the first ones
  --batch N         tokens of a step; default ${recipe.tokensPerStep}
  --rate X          peak learning rate; default ${recipe.training.learningRate}
  --decay X         weight decay; default ${recipe.training.weightDecay}
  --save-steps N    steps between checkpoints; default 250
  --resume          go on from the newest checkpoint of --run
  --overwrite       start anew in a --run folder that holds a run`;

/** Evaluations of a run, and how many of the held-out documents they take; the last one takes all. */
const EVALUATIONS = 25;
const EVALUATED = 450;
/** Steps that tell the pace, after as many in which the JavaScript engine warms up. */
const PACE_STEPS = 250;

/** Steps that fit into the time; the model of this measurement is thrown away. */
async function stepsWithin(
  seconds: number,
  config: MistralConfig,
  tokenizer: Tokenizer,
  examples: readonly Example[],
  options: TrainOptions,
): Promise<number> {
  const model = randomModel(config, tokenizer);
  let begin = 0;
  let end = 0;
  for await (const event of train(model, examples, { ...options, maxSteps: 2 * PACE_STEPS })) {
    if (event.type !== "step") continue;
    if (event.step === PACE_STEPS) begin = performance.now();
    end = performance.now();
  }
  model.dispose();
  const pace = (end - begin) / 1000 / PACE_STEPS;
  // The rest is for evaluations, new epochs, and a machine that slows down: a run that is cut off has not annealed.
  const steps = Math.max(1, Math.floor((0.8 * seconds) / pace));
  console.log(`${(1000 * pace).toFixed(2)} ms a step: ${steps} steps fit into ${seconds} seconds`);
  return steps;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      corpus: { type: "string" },
      tokenizer: { type: "string", default: "data/models/mini" },
      out: { type: "string", default: "data/models/mini" },
      run: { type: "string", default: "runs/pretrain" },
      shape: { type: "string", default: recipe.shape },
      device: { type: "string", default: "auto" },
      epochs: { type: "string" },
      steps: { type: "string" },
      seconds: { type: "string" },
      batch: { type: "string", default: String(recipe.tokensPerStep) },
      rate: { type: "string", default: String(recipe.training.learningRate) },
      decay: { type: "string", default: String(recipe.training.weightDecay) },
      "save-steps": { type: "string", default: "250" },
      resume: { type: "boolean", default: false },
      overwrite: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help || !values.corpus || !Object.hasOwn(shapes, values.shape)) {
    console.log(HELP);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const { description, note } = await useDevice(values.device as Device, { compute: recipe.compute });
  console.log(note ? `${description}\n${note}` : description);
  const tokenizer = await Tokenizer.load(values.tokenizer);
  const bosId = tokenizer.bosId!;
  const read = async (name: string) =>
    documentExamples(
      await corpusTokens(join(values.corpus!, name), tokenizer),
      bosId,
      Math.min(recipe.documentLength, Number(values.batch)),
    );
  const [trainSet, heldout] = [await read("train"), await read("heldout")];
  const shape = shapes[values.shape as ShapeName];
  const config = { ...shape, vocabSize: tokenizer.vocabSize, bosId, eosIds: [tokenizer.eosId] };
  const options: TrainOptions = {
    ...recipe.training,
    learningRate: Number(values.rate),
    weightDecay: Number(values.decay),
    // One row of whole documents is a step.
    maxSeqLength: Number(values.batch),
    microBatchSize: 1,
    gradientAccumulationSteps: 1,
    seed: recipe.seed,
    epochs: Number(values.epochs ?? recipe.epochs),
  };
  const corpusTokenCount = trainSet.reduce((sum, { ids }) => sum + ids.length, 0);
  const stepsPerEpoch = corpusTokenCount / options.maxSeqLength!;
  let steps = Math.ceil(options.epochs! * stepsPerEpoch);
  const limit = values.steps ?? (values.epochs || values.seconds ? undefined : recipe.steps);
  if (limit !== undefined) steps = Math.min(steps, Number(limit));
  if (values.seconds) {
    const fit = await stepsWithin(Number(values.seconds), config, tokenizer, trainSet, options);
    steps = Math.min(steps, fit);
  }
  const model = randomModel(config, tokenizer, recipe.seed);
  console.log(
    `${values.shape}: ${(trainableParameters(model) / 1e6).toFixed(2)} M parameters; corpus ${(corpusTokenCount / 1e6).toFixed(1)} M tokens, ` +
      `${steps} steps of ${values.batch} tokens = ${(steps / stepsPerEpoch).toFixed(2)} epochs`,
  );
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  process.once("SIGTERM", () => stop.abort());
  if (values.seconds) setTimeout(() => stop.abort(), 1300 * Number(values.seconds)).unref();
  const events = train(model, trainSet, {
    ...options,
    maxSteps: steps,
    evalExamples: heldout.slice(0, EVALUATED),
    evalSteps: Math.max(1, Math.floor(steps / EVALUATIONS)),
    saveSteps: Number(values["save-steps"]),
    outputDir: values.run,
    resume: values.resume,
    overwrite: values.overwrite,
    signal: stop.signal,
  });
  let best = Number.POSITIVE_INFINITY;
  const keepBest = (loss: number) => {
    if (loss >= best) return;
    best = loss;
    saveModel(model, values.out);
  };
  let rates: number[] = [];
  let losses: number[] = [];
  for await (const event of events) {
    if (event.type === "step") {
      rates.push(event.tokensPerSecond);
      losses.push(event.loss);
    } else if (event.type === "eval") {
      keepBest(event.loss);
      console.log(
        `step ${event.step}, epoch ${(event.step / stepsPerEpoch).toFixed(2)}: loss ${mean(losses).toFixed(3)}, ` +
          `held-out ${event.loss.toFixed(3)}, perplexity ${event.perplexity.toFixed(2)}; ${Math.round(mean(rates))} tokens/s`,
      );
      [rates, losses] = [[], []];
    } else if (event.type === "done") {
      console.log(`${event.reason} after ${event.steps} steps, ${event.seconds.toFixed(0)} seconds`);
      if (event.reason === "stopped") keepBest((await meanLoss(model, heldout.slice(0, EVALUATED))).loss);
    } else console.log(JSON.stringify(event));
  }
  model.dispose();
  const { loss, tokens } = await meanLoss(await loadModel(values.out), heldout);
  console.log(
    `held-out: ${tokens} tokens, loss ${loss.toFixed(4)} nats, perplexity ${Math.exp(loss).toFixed(2)}\nwritten: ${values.out}`,
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

await main();
