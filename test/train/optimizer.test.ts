import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { useDevice } from "../../sdk/backend/device.ts";
import { Random } from "../../sdk/data/random.ts";
import { gradientNorm } from "../../sdk/ops/gradientNorm.ts";
import { AdamW, clipFactor } from "../../sdk/train/optimizer.ts";
import { assertClose } from "../compare.ts";
import { HOST } from "../host.ts";

const settings = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.1 };

/** AdamW in float64, from the paper's algorithm 2, one value at a time. */
class Reference {
  private readonly m: number[];
  private readonly v: number[];
  private t = 0;

  constructor(
    readonly values: number[],
    private readonly decay: number,
  ) {
    this.m = values.map(() => 0);
    this.v = values.map(() => 0);
  }

  step(gradient: number[], lr: number): void {
    this.t++;
    for (const [i, g] of gradient.entries()) {
      this.m[i] = 0.9 * this.m[i] + 0.1 * g;
      this.v[i] = 0.999 * this.v[i] + 0.001 * g * g;
      const mHat = this.m[i] / (1 - 0.9 ** this.t);
      const vHat = this.v[i] / (1 - 0.999 ** this.t);
      this.values[i] -= lr * (mHat / (Math.sqrt(vHat) + 1e-8) + this.decay * this.values[i]);
    }
  }
}

describe("AdamW", () => {
  before(async () => {
    await useDevice(HOST);
  });

  function normals(random: Random, size: number): Float32Array {
    return Float32Array.from({ length: size }, () => random.normal());
  }

  function make() {
    const random = new Random(5);
    const matrix = tf.variable(tf.tensor(normals(random, 35), [5, 7]));
    const norm = tf.variable(tf.tensor(normals(random, 7), [7]));
    const variables = new Map<string, tf.Variable>([
      ["matrix", matrix],
      ["norm", norm],
    ]);
    return { random, variables, optimizer: new AdamW(variables, settings) };
  }

  function step(optimizer: AdamW, values: Map<string, Float32Array>, lr: number, scale: number): void {
    const gradients = new Map(
      [...values].map(([name, value]) => [name, tf.tensor(value, value.length === 35 ? [5, 7] : [7])]),
    );
    optimizer.step(gradients, lr, scale);
    tf.dispose([...gradients.values()]);
  }

  it("follows a float64 reference for 50 steps; matrices decay, vectors do not", () => {
    const { random, variables, optimizer } = make();
    const references = new Map(
      [...variables].map(([name, v]) => [name, new Reference([...v.dataSync()], v.rank > 1 ? 0.1 : 0)]),
    );
    for (let t = 0; t < 50; t++) {
      const lr = 0.01 * (1 + t / 50);
      const gradients = new Map([...variables].map(([name, { size }]) => [name, normals(random, size)]));
      step(optimizer, gradients, lr, 0.25);
      for (const [name, gradient] of gradients) {
        references.get(name)!.step(
          [...gradient].map((g) => g * 0.25),
          lr,
        );
      }
    }
    for (const [name, variable] of variables) {
      // 50 updates of at most 0.02, each rounded to float32 (6e-8 of a value of about 1) a few times.
      assertClose(variable.dataSync(), references.get(name)!.values, { what: name, atol: 2e-5 });
    }
    optimizer.dispose();
  });

  it("leaves a variable without a gradient alone and refuses gradients that do not fit", () => {
    const { variables, optimizer } = make();
    const before = [...variables.get("norm")!.dataSync()];
    step(optimizer, new Map([["matrix", new Float32Array(35).fill(1)]]), 0.01, 1);
    assert.deepEqual([...variables.get("norm")!.dataSync()], before);
    assert.throws(
      () => step(optimizer, new Map([["matrix", new Float32Array(7)]]), 0.01, 1),
      /gradient "matrix": expected shape \[5,7\], got shape \[7\]/,
    );
    assert.throws(
      () => step(optimizer, new Map([["bias", new Float32Array(7)]]), 0.01, 1),
      /gradient "bias": expected one of matrix, norm/,
    );
    assert.equal(optimizer.steps, 1);
    optimizer.dispose();
  });

  it("writes neither over what was read before nor over the array that a variable was made of", () => {
    const source = Float32Array.of(1, 2, 3);
    const variable = tf.variable(tf.tensor1d(source));
    const optimizer = new AdamW(new Map([["norm", variable]]), settings);
    const gradients = new Map([["norm", tf.tensor1d([1, -1, 1])]]);
    optimizer.step(gradients, 0.1);
    const read = variable.dataSync<"float32">();
    const copy = read.slice();
    optimizer.step(gradients, 0.1);
    assert.deepEqual([...source], [1, 2, 3]);
    assert.deepEqual(read, copy);
    assert.notDeepEqual(variable.dataSync(), copy);
    optimizer.dispose();
    tf.dispose([variable, ...gradients.values()]);
  });

  it("goes on bit-equal from its state, and frees everything", async () => {
    const { random, variables, optimizer } = make();
    const history = Array.from(
      { length: 6 },
      () => new Map([...variables].map(([name, { size }]) => [name, normals(random, size)])),
    );
    for (const gradients of history.slice(0, 3)) step(optimizer, gradients, 0.01, 1);
    const state = await optimizer.state();
    const values = [...variables].map(([, v]) => v.dataSync().slice());
    for (const gradients of history.slice(3)) step(optimizer, gradients, 0.01, 1);
    const straight = [...variables].map(([, v]) => v.dataSync().slice());

    const before = tf.memory();
    [...variables.values()].forEach((variable, i) => {
      variable.assign(tf.tidy(() => tf.keep(tf.tensor(values[i], variable.shape))));
    });
    const second = new AdamW(variables, settings);
    second.restore(state);
    for (const gradients of history.slice(3)) step(second, gradients, 0.01, 1);
    assert.deepEqual(
      [...variables].map(([, v]) => v.dataSync()),
      straight,
    );
    second.dispose();
    second.dispose();
    // The two tensors that were assigned above are the test's own.
    assert.equal(tf.memory().numTensors, before.numTensors + 2);
    optimizer.dispose();
    assert.equal(tf.memory().numTensors, before.numTensors - 2);
    assert.throws(
      () => optimizer.restore({ step: 1, m: new Map([["matrix", new Float32Array(3)]]), v: new Map() }),
      /state of "matrix": expected 35 values of m and v, got 3 and none/,
    );
  });

  it("takes the norm over all gradients and clips as torch does", async () => {
    const gradients = [tf.tensor([3, 0, 0]), tf.tensor2d([[0], [4]])];
    const before = tf.memory().numTensors;
    assertClose([await gradientNorm(gradients)], [5], { what: "norm", rtol: 1e-7 });
    assert.equal(await gradientNorm([]), 0);
    const broken = tf.tensor([1, Number.NaN]);
    assert.ok(Number.isNaN(await gradientNorm([...gradients, broken])));
    broken.dispose();
    assert.equal(tf.memory().numTensors, before);
    tf.dispose(gradients);
    assert.equal(clipFactor(5, 1), 1 / (5 + 1e-6));
    assert.equal(clipFactor(0.5, 1), 1);
    assert.equal(clipFactor(5, 0), 1);
  });
});
