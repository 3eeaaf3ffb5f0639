import assert from "node:assert/strict";
import { join } from "node:path";
import { packageRoot } from "../../sdk/backend/packageRoot.ts";
import { loadCsv } from "../../sdk/data/csv.ts";
import { prepareDataset } from "../../sdk/data/dataset.ts";
import { noisyQuestion } from "../../sdk/data/noisyQuestion.ts";
import { Random } from "../../sdk/data/random.ts";
import { Tokenizer } from "../../sdk/text/tokenizer.ts";

const fold = (text: string) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

describe("noisy questions", () => {
  it("keep words of the question only, at least one, and are the same for the same seed", () => {
    const question = "Où est donc passé mon colis d'hier ?";
    const words = new Set(fold(question).split(" "));
    const seen = new Set<string>();
    const [random, again] = [new Random(3), new Random(3)];
    for (let i = 0; i < 200; i++) {
      const noisy = noisyQuestion(question, random);
      assert.equal(noisyQuestion(question, again), noisy);
      assert.ok(noisy.length > 0);
      for (const word of noisy.split(" ")) assert.ok(words.has(fold(word)), `"${word}" of "${noisy}"`);
      seen.add(noisy);
    }
    assert.ok(seen.size > 50, `only ${seen.size} different ones`);
    assert.equal(noisyQuestion("mot", new Random(1)), "mot");
  });

  it("multiply the training rows, not the test, and leave the answers alone", async () => {
    const tokenizer = await Tokenizer.load("data/models/mini");
    const table = await loadCsv(join(packageRoot(), "data/ecommerce.fr.csv"));
    const plain = prepareDataset(table, tokenizer, { testFraction: 0.1 });
    const noisy = prepareDataset(table, tokenizer, { testFraction: 0.1, noisyCopies: 2 });
    assert.equal(noisy.train.length, 3 * plain.train.length);
    assert.equal(noisy.test.length, plain.test.length);
    const answers = new Set(plain.train.map(({ response }) => response));
    assert.ok(noisy.train.every(({ response }) => answers.has(response)));
  });
});
