import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { type CudaKernel, cudaKernel, cudaKernels } from "../../../sdk/backend/cuda/kernel.ts";
import { adamWLaunch, type CudaParameter } from "../../../sdk/ops/cuda/adamW.ts";
import { gradientNormOnGpu } from "../../../sdk/ops/cuda/gradientNorm.ts";
import { assertClose } from "../../compare.ts";
import { random } from "../../ops/support.ts";
import { download, onCuda, stored, upload } from "./support.ts";

const SIZES = [1, 3, 8, 17, 1024, 2051, 5000];

onCuda("elementwise kernels", (cuda) => {
  const run = (kernel: CudaKernel, size: number, args: number[]) =>
    cuda().launch(kernel, Math.ceil(size / 2048), 256, args);

  it("converts between storages, to the nearest even", () => {
    for (const size of SIZES) {
      const values = random(size, size, 100);
      values[0] = size === 1 ? NaN : 1 + 2 ** -8; // a tie
      if (size > 2) values[2] = -Infinity;
      const wide = upload(cuda(), values);
      const narrow = cuda().as(wide, "bfloat16");
      const expected = stored(values, "bfloat16");
      assertClose(download(cuda(), narrow), expected, { what: `narrow ${size}` });
      assertClose(download(cuda(), cuda().as(narrow, "float32")), expected, { what: `widen ${size}` });
    }
  });

  it("adds and multiplies, whatever the grid", () => {
    for (const storage of ["float32", "bfloat16"] as const) {
      for (const size of SIZES) {
        const [a, b] = [1, 2].map((seed) => stored(random(size, seed + size), storage));
        const [left, right] = [a, b].map((values) => upload(cuda(), values, storage));
        for (const [name, apply] of [
          ["add", (x: number, y: number) => x + y],
          ["multiply", (x: number, y: number) => x * y],
        ] as const) {
          const y = cuda().allocate([size], storage);
          const kernel = cudaKernels("elementwise", name, "pppi")[storage];
          const args = [left.address, right.address, y.address, size];
          cuda().launch(kernel, size > 4000 ? 1 : Math.ceil(size / 1024), 256, args);
          const expected = stored(
            a.map((x, i) => apply(x, b[i])),
            storage,
          );
          assertClose(download(cuda(), y), expected, { what: `${name} ${storage} ${size}` });
        }
      }
    }
  });

  it("scales by a number and by one on the device, and sums", () => {
    for (const size of SIZES) {
      const x = random(size, size);
      const expected = x.map((v) => v * 0.375);
      const [source, factor] = [upload(cuda(), x), upload(cuda(), Float32Array.of(0.375))];
      const [y, z, sum] = [size, size, 1].map((n) => cuda().allocate([n], "float32"));
      run(cudaKernel("elementwise", "scale", "ppfi"), size, [source.address, y.address, 0.375, size]);
      run(cudaKernel("elementwise", "scaleBy", "pppi"), size, [
        source.address,
        factor.address,
        z.address,
        size,
      ]);
      assertClose(download(cuda(), y), expected, { what: "scale" });
      assertClose(download(cuda(), z), expected, { what: "scaleBy" });
      cuda().launch(cudaKernel("elementwise", "sumValues", "pip"), 1, 1024, [
        source.address,
        size,
        sum.address,
      ]);
      const total = x.reduce((a, b) => a + b, 0);
      assertClose(download(cuda(), sum), [total], { rtol: 1e-6, atol: 1e-6, what: "sum" });
    }
  });
});

onCuda("kernels over lists of tensors", (cuda) => {
  const counts = [5, 4096, 1, 9001, 0, 4097];
  const tensorsOf = (seed: number) => counts.map((count, i) => random(count, seed + i));

  it("takes the norm over all gradients", () => {
    const gradients = tensorsOf(7);
    const norm = Math.sqrt(gradients.flatMap((g) => [...g]).reduce((sum, x) => sum + x * x, 0));
    const onDevice = gradients.map((values) => upload(cuda(), values));
    assertClose(download(cuda(), gradientNormOnGpu(cuda(), onDevice)), [norm], { rtol: 1e-6, what: "norm" });
    assert.deepEqual([...download(cuda(), gradientNormOnGpu(cuda(), []))], [0]);
  });

  it("gives a norm that is not finite where a gradient is not, and one where squares overflow float32", () => {
    for (const value of [NaN, Infinity]) {
      const bad = upload(cuda(), Float32Array.of(1, value));
      assertClose(download(cuda(), gradientNormOnGpu(cuda(), [bad])), [value], { what: `${value}` });
    }
    const large = upload(cuda(), Float32Array.of(3e30, 4e30));
    assertClose(download(cuda(), gradientNormOnGpu(cuda(), [large])), [5e30], { rtol: 1e-6, what: "large" });
  });

  it("updates all parameters in place as the reference does, each with its own decay", () => {
    const names = ["param", "grad", "m", "v"] as const;
    const values = names.map((_, i) => tensorsOf(100 * i).map((x) => (i === 3 ? x.map(Math.abs) : x)));
    const options = { step: 3, gradScale: 0.5, learningRate: 0.01, beta1: 0.9, beta2: 0.99, eps: 1e-6 };
    const parameters = counts.map((_, i): CudaParameter => {
      const [param, grad, m, v] = values.map((tensors) => upload(cuda(), tensors[i]));
      return { param, grad, m, v, weightDecay: i % 2 === 0 ? 0.1 : 0 };
    });
    adamWLaunch(cuda(), parameters, options);
    parameters.forEach(({ param, m, v, weightDecay }, i) => {
      const [p, grad, first, second] = values.map((tensors) => tensors[i]);
      const { step, gradScale, learningRate, beta1, beta2, eps } = options;
      const newM = first.map((x, j) => beta1 * x + (1 - beta1) * gradScale * grad[j]);
      const newV = second.map((x, j) => beta2 * x + (1 - beta2) * (gradScale * grad[j]) ** 2);
      const expected = p.map((x, j) => {
        const direction = newM[j] / (1 - beta1 ** step) / (Math.sqrt(newV[j] / (1 - beta2 ** step)) + eps);
        return x - learningRate * (weightDecay * x + direction);
      });
      [param, m, v].forEach((tensor, j) => {
        const want = [expected, newM, newV][j];
        assertClose(download(cuda(), tensor), want, { rtol: 2e-6, atol: 1e-6, what: `${i}` });
      });
    });
  });

  it("leaves no memory behind", () => {
    const before = tf.memory().numTensors;
    gradientNormOnGpu(cuda(), [upload(cuda(), random(10, 1))]);
    cuda().endOp();
    const { used } = cuda().memory.bytes;
    gradientNormOnGpu(cuda(), [upload(cuda(), random(10, 1))]);
    cuda().endOp();
    assert.equal(cuda().memory.bytes.used, used);
    assert.equal(tf.memory().numTensors, before);
  });
});
