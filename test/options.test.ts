import assert from "node:assert/strict";
import { z } from "zod";
import { evaluate } from "../sdk/evaluate/evaluate.ts";
import { generate } from "../sdk/generate/generate.ts";
import {
  attachLora,
  ChatSession,
  loadAdapters,
  loadCsv,
  loadModel,
  prepareDataset,
  quantize,
  ReasoningSystem,
  useDevice,
} from "../sdk/index.ts";
import { checkArgument, checkOptions } from "../sdk/options.ts";
import { train } from "../sdk/train/train.ts";
import { disposeTiny, tinyExamples, tinyLoraModel } from "./tinyModel.ts";

class Thing {
  readonly large = "x".repeat(1000);
}

describe("checkOptions", () => {
  const schema = z.strictObject({ size: z.int().default(3), names: z.array(z.string()).optional() });

  it("fills in defaults", () => assert.deepEqual(checkOptions("step", schema, {}), { size: 3 }));

  it("names every wrong key and value at once, with the nearest right key", () => {
    assert.throws(() => checkOptions("step", schema, { siz: 1, names: [1] }), {
      name: "TypeError",
      message:
        'step: option "names.0": expected string, got 1; ' +
        'unknown option "siz" (did you mean "size"?); known: size, names',
    });
  });

  it("says what came in the place of options, and cuts long values", () => {
    assert.throws(() => checkOptions("step", schema, null), {
      message: "step: options: expected an object, got null",
    });
    assert.throws(() => checkOptions("step", schema, [1]), {
      message: "step: options: expected an object, got an Array",
    });
    assert.throws(
      () => checkOptions("step", schema, { size: "y".repeat(500) }),
      ({ message }: Error) => message.endsWith(`got "${"y".repeat(79)}…`),
    );
    assert.throws(() => checkOptions("step", schema, { names: new Thing() }), /got a Thing$/);
  });
});

describe("checkArgument", () => {
  for (const { value, says } of [
    { value: undefined, says: "undefined" },
    { value: null, says: "null" },
    { value: "data.csv", says: '"data.csv"' },
    { value: [1, 2], says: "an Array" },
    { value: { train: [], test: [] }, says: "an Object with train, test" },
    { value: {}, says: "an Object without keys" },
    { value: new Thing(), says: "a Thing" },
    { value: () => 1, says: "a function" },
    { value: Promise.resolve(1), says: "a Promise (await is missing)" },
  ]) {
    it(`tells ${says}`, () => {
      assert.throws(() => checkArgument("step: x", false, "a model", value), {
        name: "TypeError",
        message: `step: x: expected a model, got ${says}`,
      });
      checkArgument("step: x", true, "a model", value);
    });
  }
});

describe("steps with a wrong value", () => {
  // As a program without types calls them.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  const any = (value: unknown) => value as any;
  let model: Awaited<ReturnType<typeof tinyLoraModel>>;
  before(async () => {
    model = await tinyLoraModel();
  });
  after(() => disposeTiny(model));

  const table = { rows: [{ instruction: "a", response: "b", line: 2, raw: "" }] };
  const cases: { name: string; call: () => unknown; says: string | RegExp }[] = [
    {
      name: "loadCsv",
      call: () => loadCsv(any(undefined)),
      says: "loadCsv: source: expected a path, the bytes of a file, or a stream, got undefined",
    },
    {
      name: "loadModel",
      call: () => loadModel(any(undefined)),
      says: "loadModel: expected a folder, a GGUF file or a name on the hub, got undefined",
    },
    {
      name: "loadModel, options",
      call: () => loadModel("x", any({ keepInFile: true })),
      says: /^loadModel: unknown option "keepInFile" \(did you mean "keepInFiles"\?\)/,
    },
    {
      name: "loadAdapters",
      call: () => loadAdapters(model, any({ a: 7 })),
      says: 'loadAdapters: "a": expected a folder, a GGUF file or a name on the hub, got 7',
    },
    {
      name: "useDevice",
      call: () => useDevice("cpu", any({ comput: "float32" })),
      says: /^useDevice: unknown option "comput" \(did you mean "compute"\?\)/,
    },
    {
      name: "prepareDataset, table",
      call: () => prepareDataset(any("data.csv"), any({ encode() {} })),
      says: 'prepareDataset: table: expected a table, as loadCsv gives it, got "data.csv"',
    },
    {
      name: "prepareDataset, tokenizer",
      call: () => prepareDataset(any(table), any(undefined)),
      says: "prepareDataset: tokenizer: expected model.tokenizer, got undefined",
    },
    {
      name: "quantize",
      call: () => quantize(any(Promise.resolve())),
      says: "quantize: model: expected a model, as loadModel gives it, got a Promise (await is missing)",
    },
    {
      name: "attachLora",
      call: () => attachLora(any(undefined)),
      says: "attachLora: model: expected a model, as loadModel gives it, got undefined",
    },
    {
      name: "train, model",
      call: () => train(any({}), []),
      says: "train: model: expected a model, as loadModel gives it, got an Object without keys",
    },
    {
      name: "train, examples",
      call: () => train(model, any({ train: [], test: [] })),
      says: "train: examples: expected examples, as prepareDataset(…).train gives them, got an Object with train, test",
    },
    {
      name: "evaluate",
      call: () => evaluate(model, any(table.rows)),
      says: "evaluate: examples: expected examples, as prepareDataset(…).train gives them, got an Array",
    },
    {
      name: "ReasoningSystem",
      call: () => new ReasoningSystem(any("ecommerce.fr")),
      says: 'ReasoningSystem: domain: expected a domain, such as await loadDomain("ecommerce.fr"), got "ecommerce.fr"',
    },
    {
      name: "ChatSession, model",
      call: () => new ChatSession(any(undefined)),
      says: "ChatSession: model: expected a model, as loadModel gives it, got undefined",
    },
    {
      name: "ChatSession, sampling",
      call: () => new ChatSession(model, any({ sampling: { temperatur: 1 } })),
      says: /^ChatSession: unknown option "sampling\.temperatur" \(did you mean "sampling\.temperature"\?\)/,
    },
    {
      name: "ChatSession.say",
      call: () => new ChatSession(model).say(any(undefined)),
      says: "ChatSession.say: expected a message, got undefined",
    },
    {
      name: "generate",
      call: () => generate(model, any("Bonjour")).next(),
      says: /^generate: prompt: expected token ids, .*, got "Bonjour"$/,
    },
  ];
  for (const { name, call, says } of cases) {
    it(name, async () => {
      await assert.rejects(
        async () => await call(),
        (error: Error) => {
          assert.equal(error.name, "TypeError");
          if (typeof says === "string") assert.equal(error.message, says);
          else assert.match(error.message, says);
          return true;
        },
      );
    });
  }

  it("refuses examples that are longer than the model allows, before anything is computed", async () => {
    const most = model.config.maxPositions;
    const [short, base] = tinyExamples(2);
    const long = {
      ...base,
      ids: new Int32Array(most + 1),
      labels: new Int32Array(most + 1).fill(1),
      line: 7,
    };
    const says = (where: string, whose: string) => ({
      name: "RangeError",
      message: `${where}: expected at most ${most} tokens, ${whose}, got ${most + 1} in the example of line 7 (1 of 2 are too long). Prepare the dataset with maxSeqLength: ${most}`,
    });
    const whole = "the longest text that the model was made for";
    const maxSeqLength = 2 * most;
    assert.throws(() => train(model, [short, long], { maxSeqLength }), says("train: examples", whole));
    assert.throws(
      () => train(model, [short], { maxSeqLength, evalExamples: [short, long] }),
      says("train: evalExamples", "what maxSeqLength and the model allow"),
    );
    await assert.rejects(evaluate(model, [short, long]), says("evaluate: examples", whole));
  });

  it("takes ids in a typed array, and an object that stands for a model", async () => {
    const first = await generate(Object.create(model), any(Int32Array.from([1, 2])), {
      maxNewTokens: 1,
    }).next();
    assert.ok(first.value);
    train(model, tinyExamples(2));
  });
});
