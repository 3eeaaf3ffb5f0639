import type { Cuda, GemmOperand, GemmOptions } from "../../../sdk/backend/cuda/cuda.ts";
import type { Storage } from "../../../sdk/backend/cuda/kernel.ts";
import { gemmKernels } from "../../../sdk/backend/cuda/matMul.ts";
import { assertClose } from "../../compare.ts";
import { random } from "../../ops/support.ts";
import { download, onCuda, shifted, stored, upload } from "./support.ts";

interface Case extends GemmOptions {
  m: number;
  n: number;
  k: number;
  storage: Storage;
  storageC?: Storage;
  transposeA?: boolean;
  transposeB?: boolean;
  /** Values between the rows of each matrix. */
  gap?: number;
  /** Values before each matrix. */
  shift?: number;
}

/** A matrix in a larger array, and how `gemm` finds it. */
class Operand {
  readonly ld: number;
  readonly stride: number;
  readonly values: Float32Array;

  constructor(
    rows: number,
    columns: number,
    private readonly transposed: boolean,
    readonly storage: Storage,
    { gap = 0, shift = 0, batch = 1 }: Case,
    seed: number,
  ) {
    const [storedRows, storedColumns] = transposed ? [columns, rows] : [rows, columns];
    this.ld = storedColumns + gap;
    this.stride = storedRows * this.ld + gap;
    this.shift = shift;
    this.values = stored(random(shift + batch * this.stride, seed), storage);
    // What lies between the rows must not be used.
    for (let b = 0; b < batch; b++) {
      for (let row = 0; row < storedRows; row++) {
        const end = shift + b * this.stride + row * this.ld + storedColumns;
        this.values.fill(NaN, end, end + gap);
      }
    }
  }
  private readonly shift: number;

  at(batch: number, row: number, column: number): number {
    return this.values[this.index(batch, row, column)];
  }

  index(batch: number, row: number, column: number): number {
    const [r, c] = this.transposed ? [column, row] : [row, column];
    return this.shift + batch * this.stride + r * this.ld + c;
  }

  onDevice(cuda: Cuda): { whole: ReturnType<typeof upload>; operand: GemmOperand } {
    const whole = upload(cuda, this.values, this.storage);
    const { address } = shifted(whole, this.shift);
    const { storage, ld, stride, transposed } = this;
    return { whole, operand: { address, storage, ld, stride, transposed } };
  }
}

function check(cuda: Cuda, test: Case): void {
  const { m, n, k, storage, storageC = storage, transposeA = false, transposeB = false } = test;
  const { alpha = 1, beta = 0, batch = 1 } = test;
  const a = new Operand(m, k, transposeA, storage, test, 1);
  const b = new Operand(k, n, transposeB, storage, test, 2);
  const c = new Operand(m, n, false, storageC, test, 3);
  const expected = Float64Array.from(c.values);
  for (let i = 0; i < batch; i++) {
    for (let row = 0; row < m; row++) {
      for (let column = 0; column < n; column++) {
        let sum = 0;
        for (let d = 0; d < k; d++) sum += a.at(i, row, d) * b.at(i, d, column);
        const at = c.index(i, row, column);
        expected[at] = alpha * sum + (beta === 0 ? 0 : beta * expected[at]);
        if (beta === 0) c.values[at] = NaN; // c need not be initialised
      }
    }
  }
  const [left, right, result] = [a, b, c].map((operand) => operand.onDevice(cuda));
  gemmKernels(cuda, m, n, k, left.operand, right.operand, result.operand, { alpha, beta, batch });
  // The products of bfloat16 are exact in float32, so only a result in bfloat16 is rounded more.
  const rtol = storageC === "bfloat16" ? 2 ** -8 : 1e-5;
  assertClose(download(cuda, result.whole), expected, { rtol, atol: 1e-5, what: JSON.stringify(test) });
  cuda.endOp();
}

onCuda("products by the package's own kernels", (cuda) => {
  for (const storage of ["float32", "bfloat16"] as const) {
    const storageC = storage === "float32" ? "bfloat16" : "float32";

    it(`multiplies ${storage} in every orientation, at odd sizes and at whole tiles`, () => {
      for (const [m, n, k] of [
        [1, 1, 1],
        [3, 17, 5],
        [33, 130, 40],
        [129, 9, 65],
        [128, 128, 32],
        [136, 256, 48],
      ]) {
        for (const transposeA of [false, true]) {
          for (const transposeB of [false, true]) {
            check(cuda(), { m, n, k, storage, transposeA, transposeB });
            check(cuda(), { m, n, k, storage, storageC, transposeA, transposeB });
          }
        }
      }
    });

    it(`reads ${storage} inside of larger matrices, aligned and not`, () => {
      for (const [gap, shift] of [
        [8, 0],
        [3, 0],
        [8, 1],
      ]) {
        for (const transposeA of [false, true]) {
          const sizes = { m: 40, n: 24, k: 72, storage, transposeA, transposeB: !transposeA };
          check(cuda(), { ...sizes, gap, shift, batch: 3 });
        }
      }
    });

    it(`scales ${storage}, adds to c, and leaves beta * c where k is 0`, () => {
      check(cuda(), { m: 20, n: 30, k: 50, storage, alpha: 0.5, beta: 1 });
      check(cuda(), { m: 20, n: 30, k: 50, storage, storageC, alpha: -2, beta: 0.25 });
      check(cuda(), { m: 5, n: 6, k: 0, storage, beta: 1 });
    });

    it(`makes many tiles of ${storage} in bands`, () => {
      check(cuda(), { m: 1200, n: 300, k: 8, storage, storageC: "float32" });
    });
  }

  it("keeps NaN and infinity in their rows and columns", () => {
    const k = 40;
    const [a, b] = [random(4 * k, 1), random(k * 3, 2)];
    a[k + 7] = NaN;
    b[5 * 3 + 2] = Infinity;
    const [left, right] = [upload(cuda(), a), upload(cuda(), b)];
    const c = cuda().allocate([4, 3], "float32");
    gemmKernels(cuda(), 4, 3, k, left, right, c);
    const kinds = Array.from(download(cuda(), c), (x) =>
      Number.isNaN(x) ? "n" : Number.isFinite(x) ? "." : "i",
    );
    const expected = ["..i", "nnn", "..i", "..i"].join("");
    if (kinds.join("") !== expected) throw new Error(`expected ${expected}, got ${kinds.join("")}`);
  });
});
