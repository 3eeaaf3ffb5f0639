/**
 * `npm run pretrain -- --corpus DIR`: trains the bundled base model from nothing on the corpus of `corpus.ts`, with
 * the SDK's own training loop, and writes it to `data/models/mini`. The recipe is `recipe.ts`; Ctrl-C saves a
 * checkpoint and `--resume` goes on from it.
 */
import { createReadStream, existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { useDevice } from "../sdk/backend/device.ts";
import type { Example } from "../sdk/data/example.ts";
import { meanLoss } from "../sdk/evaluate/evaluate.ts";
import { randomModel, saveModel } from "../sdk/model/fullTraining.ts";
import { trainableParameters } from "../sdk/model/lora.ts";
import type { ChatMessage } from "../sdk/text/chatTemplate.ts";
import { Tokenizer } from "../sdk/text/tokenizer.ts";
import { train } from "../sdk/train/train.ts";
import { architecture, recipe } from "./recipe.ts";

const HELP = `npm run pretrain -- --corpus DIR [options]

  --corpus DIR      train.jsonl and heldout.jsonl, as pretrain/corpus.ts writes them
  --tokenizer DIR   default data/models/mini
  --out DIR         where the model goes; default data/models/mini
  --run DIR         checkpoints and log; default runs/pretrain
  --steps N         optimizer steps; default ${recipe.steps}
  --resume          go on from the newest checkpoint of --run
  --overwrite       start anew in a --run folder that holds a run`;

/** A line of the corpus: prose or a conversation. */
type CorpusDocument = { text: string } | { messages: ChatMessage[] };

/**
 * Documents one after another, cut into sequences of `length` tokens that are all trained. A sequence may begin in
 * the middle of a document: for a base model every token counts, and no place is wasted.
 */
async function readSequences(file: string, tokenizer: Tokenizer, length: number): Promise<Example[]> {
  if (!existsSync(file))
    throw new Error(`${file} is missing: build the corpus first, see pretrain/README.md`);
  const examples: Example[] = [];
  let pending: number[] = [];
  let line = 0;
  for await (const text of createInterface({ input: createReadStream(file) })) {
    line++;
    pending.push(...documentIds(JSON.parse(text) as CorpusDocument, tokenizer));
    let at = 0;
    for (; pending.length - at > length; at += length) {
      const ids = Int32Array.from(pending.slice(at, at + length));
      const labels = Int32Array.from(pending.slice(at + 1, at + length + 1));
      examples.push({ ids, labels, instruction: "", response: "", prompt: [], line });
    }
    pending = pending.slice(at);
  }
  return examples;
}

function documentIds(document: CorpusDocument, tokenizer: Tokenizer): number[] {
  if ("messages" in document) {
    return [
      ...tokenizer.template.encodeChat(tokenizer, document.messages, { addGenerationPrompt: false }).ids,
    ];
  }
  return [tokenizer.bosId!, ...tokenizer.encode(document.text), tokenizer.eosId];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      corpus: { type: "string" },
      tokenizer: { type: "string", default: "data/models/mini" },
      out: { type: "string", default: "data/models/mini" },
      run: { type: "string", default: "runs/pretrain" },
      steps: { type: "string", default: String(recipe.steps) },
      resume: { type: "boolean", default: false },
      overwrite: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help || !values.corpus) {
    console.log(HELP);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  console.log((await useDevice("auto", { compute: recipe.compute })).description);
  const tokenizer = await Tokenizer.load(values.tokenizer);
  const trainSet = await readSequences(join(values.corpus, "train.jsonl"), tokenizer, recipe.sequenceLength);
  const heldout = await readSequences(join(values.corpus, "heldout.jsonl"), tokenizer, recipe.sequenceLength);
  const config = {
    ...architecture,
    vocabSize: tokenizer.vocabSize,
    bosId: tokenizer.bosId!,
    eosIds: [tokenizer.eosId],
  };
  const model = randomModel(config, tokenizer, recipe.seed);
  const steps = Number(values.steps);
  const tokensPerStep = recipe.microBatchSize * recipe.gradientAccumulationSteps * recipe.sequenceLength;
  const corpusTokens = trainSet.length * recipe.sequenceLength;
  console.log(
    `${(trainableParameters(model) / 1e6).toFixed(2)} M parameters, corpus ${(corpusTokens / 1e6).toFixed(1)} M tokens, ` +
      `${steps} steps of ${tokensPerStep} tokens = ${((steps * tokensPerStep) / corpusTokens).toFixed(2)} epochs`,
  );
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  process.once("SIGTERM", () => stop.abort());
  const events = train(model, trainSet, {
    ...recipe.training,
    microBatchSize: recipe.microBatchSize,
    gradientAccumulationSteps: recipe.gradientAccumulationSteps,
    maxSeqLength: recipe.sequenceLength,
    seed: recipe.seed,
    epochs: Math.ceil((steps * tokensPerStep) / corpusTokens),
    maxSteps: steps,
    evalExamples: heldout.slice(0, 64),
    evalSteps: 250,
    saveSteps: 250,
    outputDir: values.run,
    resume: values.resume,
    overwrite: values.overwrite,
    signal: stop.signal,
  });
  for await (const event of events) {
    if (event.type === "step" && event.step % 20 !== 0) continue;
    console.log(JSON.stringify(event));
    if (event.type === "done") {
      saveModel(model, values.out);
      const { loss, tokens } = await meanLoss(model, heldout);
      console.log(
        `held-out: ${tokens} tokens, loss ${loss.toFixed(4)} nats, perplexity ${Math.exp(loss).toFixed(2)}`,
      );
      console.log(`written: ${values.out}`);
    }
  }
}

await main();
