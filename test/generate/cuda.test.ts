/** Decoding by a recorded step on a GPU, or on the emulator. */
import assert from "node:assert/strict";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { Recording } from "../../sdk/backend/cuda/recording.ts";
import { useDevice } from "../../sdk/backend/device.ts";
import { Random } from "../../sdk/data/random.ts";
import { type FinishReason, generate } from "../../sdk/generate/generate.ts";
import type { GenerateOptions } from "../../sdk/generate/options.ts";
import { Sampler } from "../../sdk/generate/sampling.ts";
import { randomModel } from "../../sdk/model/fullTraining.ts";
import { KVCache } from "../../sdk/model/kvCache.ts";
import type { MistralModel } from "../../sdk/model/mistral.ts";
import { TokenState } from "../../sdk/ops/cuda/nextToken.ts";
import { Tokenizer } from "../../sdk/text/tokenizer.ts";
import { onCuda, stored, upload } from "../backend/cuda/support.ts";
import { disposeTiny, tinyConfig } from "../tinyModel.ts";

const PROMPT = [1, 40, 41, 42];

/** On the device in use; random weights, large enough that the logits differ by more than rounding. */
async function tinyModel(change: Partial<typeof tinyConfig> = {}): Promise<MistralModel> {
  const tokenizer = await Tokenizer.load(
    join(import.meta.dirname, "..", "fixtures", "tokenizer", "byteLevel"),
  );
  const config = { ...tinyConfig, vocabSize: 280, maxPositions: 80, eosIds: [271], ...change };
  const model = randomModel(config, tokenizer, 1);
  for (const variable of model.trainableVariables().values()) {
    if (variable.rank === 2) variable.assign(tf.tidy(() => tf.mul(variable, 10)));
  }
  return model;
}

async function answer(model: MistralModel, options: GenerateOptions, most = Number.POSITIVE_INFINITY) {
  const run = generate(model, PROMPT, options);
  const ids: number[] = [];
  let reason: FinishReason | undefined;
  while (reason === undefined && ids.length < most) {
    const next = await run.next();
    if (next.done) reason = next.value;
    else if (next.value.id >= 0) ids.push(next.value.id);
  }
  await run.return("aborted");
  return { ids, reason };
}

/** What the CPU says. */
async function expected(options: GenerateOptions, change: Partial<typeof tinyConfig> = {}) {
  await useDevice("cpu");
  const model = await tinyModel(change);
  const said = await answer(model, options);
  disposeTiny(model);
  return said;
}

onCuda("decoding on a GPU", (cuda) => {
  const cases: Record<string, GenerateOptions> = {
    "the best tokens": { maxNewTokens: 24 },
    "drawn tokens": { maxNewTokens: 24, temperature: 1, topK: 20, topP: 0.95, seed: 3 },
    "the best tokens with a penalty": { maxNewTokens: 24, repetitionPenalty: 1.3 },
    "drawn tokens with a penalty": { maxNewTokens: 24, temperature: 0.8, repetitionPenalty: 1.2, seed: 9 },
    "as many tokens as the context has room for": { maxNewTokens: 1000 },
    "one token": { maxNewTokens: 1 },
    "two tokens": { maxNewTokens: 2 },
    "three tokens": { maxNewTokens: 3 },
  };
  for (const [name, options] of Object.entries(cases)) {
    it(`gives ${name} as the CPU does`, async () => {
      const want = await expected(options);
      await useDevice("cuda", { compute: "float32" });
      const model = await tinyModel();
      assert.deepEqual(await answer(model, options), want);
      disposeTiny(model);
    });
  }

  it("ends at the end-of-sequence token", async () => {
    const long = await expected({ maxNewTokens: 30 });
    for (const n of [2, 9, 10, 11, 20]) {
      const eosIds = [long.ids[n]];
      const want = await expected({ maxNewTokens: 30 }, { eosIds });
      assert.equal(want.reason, "eos");
      await useDevice("cuda", { compute: "float32" });
      const model = await tinyModel({ eosIds });
      assert.deepEqual(await answer(model, { maxNewTokens: 30 }), want);
      disposeTiny(model);
    }
  });

  it("gives in bfloat16 the tokens of steps that are not recorded", async () => {
    await useDevice("cuda", { compute: "bfloat16" });
    const model = await tinyModel();
    const cache = new KVCache(model.config, 60);
    const want: number[] = [];
    for (let ids = PROMPT; want.length < 40; ids = want.slice(-1)) {
      const logits = tf.tidy(() => {
        const hidden = model.forwardCached(Int32Array.from(ids), cache);
        const last = hidden.slice([ids.length - 1, 0], [1, -1]) as tf.Tensor2D;
        return model.logits(last).dataSync<"float32">().slice(0, model.tokenizer.vocabSize);
      });
      want.push(logits.indexOf(Math.max(...logits)));
    }
    cache.dispose();
    assert.deepEqual((await answer(model, { maxNewTokens: 40 })).ids, want);
    disposeTiny(model);
  });

  it("decodes two texts in turn, each with its own memory", async () => {
    await useDevice("cuda", { compute: "float32" });
    const model = await tinyModel();
    const alone = await Promise.all(
      [PROMPT, [1, 7]].map((prompt) => collect(generate(model, prompt, { maxNewTokens: 30 }))),
    );
    const runs = [PROMPT, [1, 7]].map((prompt) => generate(model, prompt, { maxNewTokens: 30 }));
    const got: number[][] = [[], []];
    for (let i = 0; i < 30; i++) {
      for (const [k, run] of runs.entries()) {
        const next = await run.next();
        if (!next.done) got[k].push(next.value.id);
        // Work of others, which takes and gives back memory between the steps.
        tf.tidy(() => tf.add(tf.ones([40, 40]), tf.ones([40, 40])).dataSync());
      }
    }
    for (const run of runs) await run.return("aborted");
    assert.deepEqual(got, alone);
    disposeTiny(model);
  });

  it("gives all memory back, also where the caller stops in the middle", async () => {
    await useDevice("cuda", { compute: "float32" });
    const model = await tinyModel();
    await answer(model, { maxNewTokens: 8 }); // what stays for good is there now
    const { used } = cuda().memory.bytes;
    const { numTensors } = tf.memory();
    for (const most of [1, 2, 3, 7, 20]) await answer(model, { maxNewTokens: 40 }, most);
    await answer(model, { maxNewTokens: 20, temperature: 1 });
    assert.equal(tf.memory().numTensors, numTensors);
    // Small constants go when the garbage collector comes: 512 bytes for the token and the position of a step.
    const left = cuda().memory.bytes.used - used;
    assert.ok(left <= 512 * 60, `${left} bytes`);
    disposeTiny(model);
  });

  it("says that a model gives no number", async () => {
    await useDevice("cuda", { compute: "float32" });
    const model = await tinyModel();
    const run = generate(model, PROMPT, { maxNewTokens: 40 });
    await run.next();
    const head = model.trainableVariables().get("lm_head")!;
    head.assign(tf.fill(head.shape, Number.NaN)); // before the step is recorded
    await assert.rejects(async () => {
      for (let i = 0; i < 20; i++) await run.next();
    }, /^Error: sampling: no logit is a finite number/);
    disposeTiny(model);
  });

  it("chooses the first of the best, below the given count", async () => {
    const logits = new Float32Array(20_000).fill(-3);
    const cases: [string, () => void, number][] = [
      ["equal everywhere", () => {}, 0],
      [
        "NaN first",
        () => {
          logits[0] = Number.NaN;
        },
        1,
      ],
      [
        "two equal",
        () => {
          logits[9000] = logits[17_000] = 2;
        },
        9000,
      ],
      [
        "a greater one in the last place",
        () => {
          logits[19_990] = 4;
        },
        19_990,
      ],
      [
        "a greater one beyond",
        () => {
          logits[19_991] = 5;
        },
        19_990,
      ],
      [
        "infinity",
        () => {
          logits[33] = Number.POSITIVE_INFINITY;
        },
        33,
      ],
      ["nothing", () => void logits.fill(Number.NaN).fill(Number.NEGATIVE_INFINITY, 5, 9000), -1],
    ];
    for (const storage of ["float32", "bfloat16"] as const) {
      logits.fill(-3);
      const state = new TokenState(cuda(), 19_991);
      state.set(0, 100);
      for (const [i, [what, change, want]] of cases.entries()) {
        change();
        state.advance(upload(cuda(), logits, storage));
        assert.equal((await state.chosen())(101 + i), want, `${storage}, ${what}`);
      }
      state.dispose();
    }
  });

  it("draws what the CPU draws, ties and hidden scores included", async () => {
    const count = 1500;
    const random = new Random(11);
    const previous = Array.from({ length: 40 }, () => random.int(count));
    const choices = [
      { temperature: 1, topK: 0, topP: 1, repetitionPenalty: 1 },
      { temperature: 0.7, topK: 3, topP: 1, repetitionPenalty: 1 },
      { temperature: 1.5, topK: 50, topP: 0.6, repetitionPenalty: 1.3 },
      { temperature: 3, topK: 0, topP: 0.95, repetitionPenalty: 0.8 },
      { temperature: 1, topK: count + 5, topP: 1e-6, repetitionPenalty: 1 },
      { temperature: 0, topK: 7, topP: 0.5, repetitionPenalty: 1.3 },
    ];
    for (const storage of ["float32", "bfloat16"] as const) {
      for (const [seed, choice] of choices.entries()) {
        const sampler = new Sampler({ ...choice, seed });
        const state = new TokenState(cuda(), count, { ...choice, previous, random: sampler.randomState });
        state.set(0, 100);
        const ids = [...previous];
        for (let i = 0; i < 6; i++) {
          const logits = Float32Array.from({ length: count }, () => random.normal() * 3);
          // In bfloat16 most scores have equals anyway.
          if (i % 3 === 0) for (let k = 0; k < count; k++) logits[k] = Math.round(logits[k]);
          if (i % 4 === 0) logits.fill(Number.NEGATIVE_INFINITY, 100, 1200);
          const wider = upload(cuda(), Float32Array.of(...logits, 90, 90), storage);
          state.advance(wider);
          const want = sampler.next(stored(logits, storage).slice(), ids);
          ids.push(want);
          assert.equal(
            (await state.chosen())(101 + i),
            want,
            `${storage}, ${JSON.stringify(choice)}, draw ${i}`,
          );
        }
        state.dispose();
      }
    }
  });

  it("refuses to record what needs the host, and goes on after it", () => {
    const { driver, memory } = cuda();
    const { used } = memory.bytes;
    const words = Int32Array.of(1, 2);
    const address = memory.take(512);
    /** Runs `work` while it is recorded only. */
    const refuse = (work: () => void, message: RegExp) => {
      let runs = 0;
      assert.throws(() => Recording.of(cuda(), () => runs++ > 0 && work()), message);
    };
    refuse(
      () => driver.upload(address, words),
      /cuda upload: not possible while work is recorded; run the work/,
    );
    refuse(() => driver.download(address, words), /cuda download: not possible while work is recorded/);
    refuse(() => driver.synchronize(), /cuda synchronize: not possible/);
    refuse(() => memory.take(1), /recorded work takes 512 bytes more than the same work took before/);
    refuse(() => Recording.of(cuda(), () => {}), /a recording is going on already/);
    const recording = Recording.of(cuda(), () => driver.fill(address, 7, 2));
    driver.fill(address, 1, 2);
    recording.replay();
    driver.download(address, words);
    assert.deepEqual([...words], [7, 7]);
    recording.dispose();
    memory.give(address);
    assert.equal(memory.bytes.used, used);
  });
});

async function collect(run: AsyncGenerator<{ id: number }>): Promise<number[]> {
  const ids: number[] = [];
  for await (const { id } of run) if (id >= 0) ids.push(id);
  return ids;
}
