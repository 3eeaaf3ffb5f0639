import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { loadCsv, type Table } from "../../sdk/data/csv.ts";
import { type Example, prepareDataset } from "../../sdk/data/dataset.ts";
import { previewExample, showExample } from "../../sdk/data/preview.ts";
import { Random } from "../../sdk/data/random.ts";
import { Tokenizer } from "../../sdk/text/tokenizer.ts";
import { DISPLAY, type Displayable } from "../../sdk/views/bundle.ts";

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const csv = (...records: string[]) => loadCsv(Buffer.from(["question,answer", ...records].join("\n")));

describe("prepareDataset", () => {
  let tokenizer: Tokenizer;
  let shop: Table;
  before(async () => {
    tokenizer = await Tokenizer.load(file("../fixtures/tokenizer/byteLevel"));
    shop = await loadCsv(file("../../data/ecommerce.fr.csv"));
  });
  const decode = (ids: Iterable<number>) => tokenizer.decode([...ids], { skipSpecial: false });
  const trained = ({ labels }: Example) => decode(labels.filter((label) => label !== -100));

  /** A table of random texts, some of them with special tokens, long or short. */
  async function randomTable(seed: number, count: number): Promise<Table> {
    const random = new Random(seed);
    const words = ["le", "bonjour", "é", "😀", "</s>", "<s>", "[INST]", "les", "?"];
    const text = () =>
      Array.from({ length: 1 + random.int(20) }, () => words[random.int(words.length)]).join(" ");
    return csv(...Array.from({ length: count }, () => `${text()},${text()}`));
  }

  it("trains the answer and its EOS, each label being the id that follows", async () => {
    const table = await csv("le,bonjour");
    const { train, test, report } = prepareDataset(table, tokenizer);
    assert.equal(train.length, 1);
    assert.deepEqual(test, []);
    const [{ ids, labels, ...rest }] = train;
    assert.deepEqual(rest, {
      instruction: "le",
      response: "bonjour",
      prompt: [{ role: "user", content: "le" }],
      line: 2,
    });
    assert.equal(decode(ids), "<s>[INST] le [/INST] bonjour</s>");
    const answer = ids.indexOf(4) + 1;
    assert.deepEqual(
      [...labels],
      [...ids.slice(1), -100].map((id, t) => (t < answer - 1 ? -100 : id)),
    );
    assert.equal(trained(train[0]), " bonjour</s>");
    assert.equal(report.trainedTokens, ids.length - answer);
  });

  it("keeps its invariants on random texts", async () => {
    for (const trainOn of ["response", "all"] as const) {
      const { train } = prepareDataset(await randomTable(1, 200), tokenizer, { trainOn });
      assert.equal(train.length, 200);
      for (const { ids, labels, prompt } of train) {
        assert.equal(labels.length, ids.length);
        assert.equal(ids.filter((id) => id === tokenizer.bosId).length, 1);
        assert.equal(ids[0], tokenizer.bosId);
        assert.equal(ids.filter((id) => id === tokenizer.eosId).length, 1);
        assert.equal(ids.at(-1), tokenizer.eosId);
        assert.equal(labels.at(-2), tokenizer.eosId, "EOS is trained");
        assert.equal(labels.at(-1), -100);
        for (let t = 0; t + 1 < ids.length; t++) assert.ok(labels[t] === ids[t + 1] || labels[t] === -100);
        // What chat sends is what training saw before the first trained token.
        const chat = tokenizer.template.encodeChat(tokenizer, prompt, { addGenerationPrompt: true }).ids;
        assert.deepEqual([...ids.slice(0, chat.length)], chat);
        const first = labels.findIndex((label) => label !== -100);
        assert.equal(first, trainOn === "all" ? 0 : chat.length - 1);
        assert.ok(labels.slice(first, -1).every((label) => label !== -100));
      }
    }
  });

  it("puts the system prompt before each instruction", async () => {
    const { train } = prepareDataset(await csv("le,bon"), tokenizer, { systemPrompt: "Bonjour !" });
    assert.equal(decode(train[0].ids), "<s>[INST] Bonjour !\n\nle [/INST] bon</s>");
    assert.deepEqual(train[0].prompt, [
      { role: "system", content: "Bonjour !" },
      { role: "user", content: "le" },
    ]);
  });

  it("reads the expected spellings", async () => {
    const table = await loadCsv(file("../../data/ecommerce.fr.test.csv"));
    const { train } = prepareDataset(table, tokenizer);
    assert.equal(train.length, 120);
    assert.ok(train.every(({ expected }) => expected && expected.length > 0));
    assert.deepEqual(train[1].expected, ["seize lettres", "16 lettres"]);
    const spaced = await loadCsv(Buffer.from("question,answer,expected\nq,a, x | y |\nq,a,\n"));
    const examples = prepareDataset(spaced, tokenizer).train;
    assert.deepEqual(examples[0].expected, ["x", "y"]);
    assert.ok(!("expected" in examples[1]));
  });

  it("splits by the seed, without losing a row or sharing an instruction", () => {
    const options = { testFraction: 0.1, seed: 5 };
    const { train, test, report } = prepareDataset(shop, tokenizer, options);
    const lines = (examples: Example[]) => examples.map(({ line }) => line);
    assert.deepEqual([report.train, report.test], [train.length, test.length]);
    // One group more than wanted can be in the test; the largest group of this file has two rows.
    assert.ok(Math.abs(test.length - 69.5) <= 2, `${test.length}`);
    assert.deepEqual(
      [...lines(train), ...lines(test)].sort((a, b) => a - b),
      shop.rows.map(({ line }) => line),
    );
    const asked = new Set(train.map(({ instruction }) => instruction));
    assert.ok(test.every(({ instruction }) => !asked.has(instruction)));
    assert.deepEqual(lines(prepareDataset(shop, tokenizer, options).test), lines(test));
    assert.notDeepEqual(lines(prepareDataset(shop, tokenizer, { ...options, seed: 6 }).test), lines(test));
  });

  it("gives a small table a test row when a fraction is asked for", async () => {
    const { train, test } = prepareDataset(await csv("a,b", "c,d", "e,f"), tokenizer, { testFraction: 0.1 });
    assert.deepEqual([train.length, test.length], [2, 1]);
  });

  it("drops what is too long, and reports the lines", async () => {
    const table = await csv("le,bon", "le,bonjour les bonjour les", "les,bon");
    const { train, report } = prepareDataset(table, tokenizer, { maxSeqLength: 10 });
    assert.deepEqual(
      train.map(({ line }) => line),
      [2, 4],
    );
    assert.deepEqual(report.dropped, [{ line: 3, tokens: 16, reason: "longer than maxSeqLength" }]);
    assert.deepEqual(report.longest, { line: 3, tokens: 16 });
  });

  it("truncates on request, and drops what would have nothing to train", async () => {
    const table = await csv("le,bonjour les bonjour", "le le le le le le le le,bon");
    const { train, report } = prepareDataset(table, tokenizer, { maxSeqLength: 10, overflow: "truncate" });
    assert.equal(train.length, 1);
    const [{ ids, labels }] = train;
    assert.equal(ids.length, 10);
    assert.equal(labels.length, 10);
    assert.equal(labels[9], -100);
    assert.equal(labels[8], ids[9]);
    assert.ok(!ids.includes(tokenizer.eosId));
    assert.deepEqual(report.truncated, [{ line: 2, tokens: 14 }]);
    assert.deepEqual(report.dropped, [
      { line: 3, tokens: 14, reason: "no token of the answer within maxSeqLength" },
    ]);
  });

  it("fits exactly at the limit", async () => {
    const table = await csv("le,bon");
    const { ids } = prepareDataset(table, tokenizer).train[0];
    const { train, report } = prepareDataset(table, tokenizer, {
      maxSeqLength: ids.length,
      overflow: "error",
    });
    assert.deepEqual([...train[0].ids], [...ids]);
    assert.deepEqual([report.dropped, report.truncated], [[], []]);
  });

  it("throws for long rows with overflow error", async () => {
    const table = await csv("le,bon", "le,bonjour les bonjour les", "le,bonjour les bonjour");
    assert.throws(() => prepareDataset(table, tokenizer, { maxSeqLength: 10, overflow: "error" }), {
      message:
        'prepareDataset: expected at most maxSeqLength = 10 tokens, got 16 at line 3 (2 rows are too long). Raise maxSeqLength, or set overflow to "drop" or "truncate".',
    });
  });

  it("throws when nothing is left to train", async () => {
    assert.throws(() => prepareDataset(shop, tokenizer, { maxSeqLength: 5 }), {
      message:
        "prepareDataset: expected tokens to train, got none: of 695 rows, 695 were dropped and 0 are for testing. Raise maxSeqLength (5; the longest example has 204 tokens), lower testFraction, or add rows.",
    });
    const none = await loadCsv(Buffer.from("instruction,response\n,b\n"));
    assert.throws(() => prepareDataset(none, tokenizer), {
      message:
        'prepareDataset: expected rows with a question and an answer, got none from (buffer): all 1 were rejected (line 2: "instruction" is empty). Complete them, or look at table.report',
    });
    const empty = await loadCsv(Buffer.from("instruction,response\n"));
    assert.throws(() => prepareDataset(empty, tokenizer), {
      message:
        "prepareDataset: expected rows with a question and an answer, got none from (buffer): it has no rows. Add some below its header",
    });
    const one = await csv("a,b");
    assert.throws(() => prepareDataset(one, tokenizer, { testFraction: 0.5 }), {
      message:
        /^prepareDataset: expected tokens to train, got none: of 1 rows, 0 were dropped and 1 are for testing\./,
    });
  });

  it("names every wrong option", async () => {
    const table = await csv("a,b");
    // As JSON, because the compiler would refuse these.
    const wrong = JSON.parse(
      '{"maxSeqLen":512,"testFraction":1,"seed":0.5,"trainOn":"answer","maxSeqLength":1,"overflow":"cut","systemPrompt":""}',
    );
    assert.throws(
      () => prepareDataset(table, tokenizer, wrong),
      ({ message }: Error) => {
        assert.ok(message.startsWith('prepareDataset: option "testFraction": '), message);
        for (const part of [
          "expected number to be <1, got 1;",
          'option "seed": ',
          'option "trainOn": ',
          'option "maxSeqLength": ',
          'option "overflow": ',
          'option "systemPrompt": ',
          'unknown option "maxSeqLen" (did you mean "maxSeqLength"?); known: testFraction, seed, trainOn, noisyCopies, maxSeqLength, overflow, systemPrompt',
        ]) {
          assert.ok(message.includes(part), `"${part}" in: ${message}`);
        }
        return true;
      },
    );
  });

  it("reports counts and shares that add up", () => {
    const { train, test, report } = prepareDataset(shop, tokenizer, { testFraction: 0.2, maxSeqLength: 170 });
    const tokens = (examples: Example[]) => examples.reduce((sum, { ids }) => sum + ids.length, 0);
    assert.equal(report.rows, 695);
    assert.equal(report.train + report.test + report.dropped.length, 695);
    assert.ok(report.dropped.length > 0);
    assert.deepEqual([report.trainTokens, report.testTokens], [tokens(train), tokens(test)]);
    const labels = train.flatMap((example) => [...example.labels]).filter((label) => label !== -100);
    assert.equal(report.trainedTokens, labels.length);
    assert.equal(report.trainedShare, labels.length / tokens(train));
    assert.equal(report.longest.tokens, 204);
    const [first, second, third, fourth] = report.text.split("\n");
    assert.equal(
      first,
      `695 rows: ${train.length} to train (${tokens(train)} tokens), ${test.length} to test (${tokens(test)} tokens)`,
    );
    assert.equal(
      second,
      `trained: ${labels.length} tokens, ${(report.trainedShare * 100).toFixed(1)} % of those to train`,
    );
    assert.equal(third, `longest: 204 tokens, line ${report.longest.line}`);
    assert.match(fourth, /^dropped: line \d+, \d+ tokens, longer than maxSeqLength$/);
  });
});

describe("a dataset's report in a notebook", () => {
  it("shows what was made of the rows, and what was left out with its line", async () => {
    const tokenizer = await Tokenizer.load(file("../fixtures/tokenizer/byteLevel"));
    const table = await csv("a,b", `${"é ".repeat(200)},d`);
    const { report } = prepareDataset(table, tokenizer, { maxSeqLength: 40 });
    const shown = (report as unknown as Displayable)[DISPLAY]();
    assert.equal(shown["text/plain"], report.text);
    assert.match(shown["text/html"]!, /<span>to train<\/span> <b>1 examples, /);
    assert.match(shown["text/html"]!, /<li>line 3: \d+ tokens, longer than maxSeqLength<\/li>/);
    assert.deepEqual(JSON.parse(JSON.stringify(report)), { ...report });
  });
});

describe("previewExample", () => {
  let tokenizer: Tokenizer;
  before(async () => {
    tokenizer = await Tokenizer.load(file("../fixtures/tokenizer/metaspace"));
  });

  it("marks what is trained", async () => {
    const table = await csv("le é 😀,bonjour");
    const [answer] = prepareDataset(table, tokenizer).train;
    assert.equal(previewExample(answer, tokenizer), "<s>[INST] le é 😀[/INST]⟦ bonjour</s>⟧");
    const shown = showExample(answer, tokenizer)[DISPLAY]();
    assert.equal(shown["text/plain"], previewExample(answer, tokenizer));
    assert.match(
      shown["text/html"]!,
      /&lt;s&gt;\[INST\] le é 😀\[\/INST\]<mark [^>]*> bonjour&lt;\/s&gt;<\/mark>/,
    );
    const [all] = prepareDataset(table, tokenizer, { trainOn: "all" }).train;
    assert.equal(previewExample(all, tokenizer), "<s>⟦[INST] le é 😀[/INST] bonjour</s>⟧");
  });

  it("colours it for a terminal, and shows control characters instead of sending them", async () => {
    const [example] = prepareDataset(await csv("a\u001b[2Jb\u0007,bon"), tokenizer).train;
    assert.equal(
      previewExample(example, tokenizer, { color: true }),
      "<s>[INST] a\\x1b[2Jb\\x07[/INST]\u001b[32m bon</s>\u001b[39m",
    );
  });
});
