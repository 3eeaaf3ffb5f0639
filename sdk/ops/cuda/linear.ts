/**
 * Linear layers that read the same x, on the GPU. Large products are cuBLASLt's. The adapters' update is written first,
 * and the products with W add to it. Kernels of their own (adapter.ts) serve adapters of bfloat16 activations and small
 * ranks; other adapters take the general road, where each step is a product of cuBLASLt.
 */
import type { Cuda, CudaTensor } from "../../backend/cuda/cuda.ts";
import { cudaKernels } from "../../backend/cuda/kernel.ts";
import { copyBytes, denseWeight, deviceWeight } from "../../weights/deviceWeight.ts";
import type { FrozenWeight } from "../../weights/weight.ts";
import {
  adapterBackward,
  adapterDown,
  adapterGroups,
  adapterUp,
  type CudaLora,
  type CudaLoraGradients,
  hasAdapterKernels,
} from "./adapter.ts";
import { FEW_ROWS, type FewLayer, fewRows } from "./few.ts";

const DROPOUT = cudaKernels("linear", "linearDropout", "piifup");
/** Where W is: frozen in its packed form, or float32 in a trainable tensor. */
export type CudaMatrix = FrozenWeight | CudaTensor;

export interface CudaLayer {
  matrix: CudaMatrix;
  out: number;
  lora?: CudaLora;
}

/** A layer with an adapter: its place among the layers, and xa [rows, r] in float32. */
interface Adapted {
  index: number;
  lora: CudaLora;
  xa: CudaTensor;
}

/** Of each layer y [rows, out], of the first with `residual` added, and of those with an adapter xa [rows, r]. */
export function linearsForward(
  cuda: Cuda,
  given: CudaTensor,
  layers: CudaLayer[],
  givenResidual?: CudaTensor,
): { ys: CudaTensor[]; xas: CudaTensor[] } {
  const x = cuda.as(given, cuda.activation);
  const residual = givenResidual && cuda.as(givenResidual, cuda.activation);
  const [rows, inn] = x.shape;
  const ys = layers.map(({ out }) => cuda.allocate([rows, out]));
  const adapted = layers.flatMap(({ lora }, index): Adapted[] => {
    return lora ? [{ index, lora, xa: cuda.allocate([rows, lora.r], "float32") }] : [];
  });
  const outputs = { ys, xas: adapted.map(({ xa }) => xa) };
  if (rows === 0) return outputs;
  if (rows <= FEW_ROWS) {
    const group = layers.map(({ matrix, lora }, i): FewLayer => {
      const xa = adapted.find(({ index }) => index === i)?.xa;
      return {
        weight: "address" in matrix ? matrix : deviceWeight(cuda, matrix),
        lora: lora && xa && { ...lora, xa },
        residual: i === 0 ? residual : undefined,
        y: ys[i],
      };
    });
    fewRows(cuda, x, group);
    return outputs;
  }
  const ahead = decodeAhead(cuda, layers);
  const written = new Set<number>();
  const byKernels = adapted.filter(({ lora }) => hasAdapterKernels(x.storage, lora));
  for (const group of adapterGroups(byKernels, ({ lora }) => lora.r)) {
    const [loras, xas] = [group.map(({ lora }) => lora), group.map(({ xa }) => xa)];
    adapterDown(cuda, x, loras, xas);
    const own = group.map(({ index }) => ys[index]);
    adapterUp(cuda, loras, xas, own, group[0].index === 0 ? residual : undefined);
    for (const { index } of group) written.add(index);
  }
  if (residual && !written.has(0)) {
    cuda.convert(residual, ys[0]);
    written.add(0);
  }
  for (const { index, lora, xa } of adapted) {
    if (byKernels.some((other) => other.index === index)) continue;
    forwardByProducts(cuda, x, lora, xa, ys[index], written.has(index) ? 1 : 0);
    written.add(index);
  }
  cuda.join();
  for (const [i, { matrix, out }] of layers.entries()) {
    const w = ahead[i] ?? activationWeight(cuda, matrix);
    cuda.gemm(rows, out, inn, x, { ...w, transposed: true }, ys[i], { beta: written.has(i) ? 1 : 0 });
    cuda.giveBack(w.address);
  }
  return outputs;
}

/** Gradients of one layer, in float32: of a trainable W, and of the adapter. */
export interface LayerGradients {
  weight?: CudaTensor;
  a?: CudaTensor;
  b?: CudaTensor;
}

/**
 * dx, and the gradients of each layer.
 *
 * @param xas of the layers that have an adapter
 */
export function linearsBackward(
  cuda: Cuda,
  given: { dys: CudaTensor[]; x: CudaTensor; xas: (CudaTensor | undefined)[] },
  layers: CudaLayer[],
): { x: CudaTensor; layers: LayerGradients[] } {
  const dys = given.dys.map((dy) => cuda.as(dy, cuda.activation));
  const x = cuda.as(given.x, cuda.activation);
  const [rows, inn] = x.shape;
  const dx = cuda.allocate([rows, inn]);
  const gradients = layers.map(({ matrix, out, lora }): LayerGradients => {
    return {
      weight: "address" in matrix ? cuda.allocate([out, inn], "float32") : undefined,
      a: lora && cuda.allocate([lora.r, inn], "float32"),
      b: lora && cuda.allocate([out, lora.r], "float32"),
    };
  });
  if (rows === 0) {
    for (const { address, shape } of gradients
      .flatMap(({ weight, a, b }) => [weight, a, b])
      .filter(isTensor)) {
      cuda.driver.fill(address, 0, shape[0] * shape[1]);
    }
    return { x: dx, layers: gradients };
  }
  const adapted = layers.flatMap(({ lora }, i) => {
    const [xa, { a: dA, b: dB }] = [given.xas[i], gradients[i]];
    return lora && xa && dA && dB ? [{ lora, dy: dys[i], xa, dA, dB }] : [];
  });
  const ahead = decodeAhead(cuda, layers);
  let written = false;
  /** dx += what `write` writes. */
  const contribute = (write: (target: CudaTensor) => void) => {
    const target = written ? cuda.allocate([rows, inn]) : dx;
    write(target);
    if (written) cuda.add(dx, target);
    written = true;
  };
  const byKernels = adapted.filter(({ lora }) => hasAdapterKernels(x.storage, lora));
  for (const group of adapterGroups(byKernels, ({ lora }) => lora.r)) {
    contribute((target) => adapterBackward(cuda, x, group, target));
  }
  for (const layer of adapted) {
    if (!byKernels.includes(layer)) contribute((target) => backwardByProducts(cuda, x, layer, target));
  }
  cuda.join();
  for (const [i, { matrix, out }] of layers.entries()) {
    const w = ahead[i] ?? activationWeight(cuda, matrix);
    cuda.gemm(rows, inn, out, dys[i], w, dx, { beta: written ? 1 : 0 });
    cuda.giveBack(w.address);
    written = true;
    const { weight } = gradients[i];
    if (weight) cuda.gemm(out, inn, rows, { ...dys[i], transposed: true }, x, weight);
  }
  return { x: dx, layers: gradients };
}

function isTensor(tensor: CudaTensor | undefined): tensor is CudaTensor {
  return tensor !== undefined;
}

/** Several weights are decoded at once where they take no more than this: small products do not wait for each other then. */
const AHEAD_BYTES = 64 * 2 ** 20;

/** Of copies of so many bytes, how many of the first ones are made at once: the first, and what is small beside it. */
export function copiesAhead(bytes: readonly number[]): number {
  let [count, sum] = [1, bytes[0]];
  while (count < bytes.length && sum + bytes[count] <= AHEAD_BYTES) sum += bytes[count++];
  return count;
}

/** Decodes the first weights beside the work of the adapters, which leaves most of the bandwidth free. */
function decodeAhead(cuda: Cuda, layers: CudaLayer[]): CudaTensor[] {
  const frozen: FrozenWeight[] = [];
  for (const { matrix } of layers) {
    if ("address" in matrix || copyBytes(matrix, cuda.activation) === 0) break;
    frozen.push(matrix);
  }
  if (frozen.length === 0) return [];
  const count = copiesAhead(frozen.map((matrix) => copyBytes(matrix, cuda.activation)));
  // Weights that are not there yet come first: uploads do not go to the second stream.
  const weights = frozen.slice(0, count).map((matrix) => deviceWeight(cuda, matrix));
  if (weights.every(({ dense }) => dense)) return [];
  let copies: CudaTensor[] = [];
  cuda.beside(() => {
    copies = weights.map((weight) => denseWeight(cuda, weight));
  });
  return copies;
}

/** The layers of an input take turns with one copy: each gives its own back after its product. */
function activationWeight(cuda: Cuda, matrix: CudaMatrix): CudaTensor {
  return "address" in matrix
    ? cuda.as(matrix, cuda.activation)
    : denseWeight(cuda, deviceWeight(cuda, matrix));
}

function drop(cuda: Cuda, x: CudaTensor, { dropout, seed }: CudaLora, y: CudaTensor): void {
  const [rows, inn] = x.shape;
  const args = [x.address, rows, inn, dropout, seed, y.address];
  cuda.launch(DROPOUT[x.storage], Math.ceil((rows * inn) / 2048), 256, args);
}

/** xa, and the adapter's part of y, for any storage and rank. */
function forwardByProducts(
  cuda: Cuda,
  x: CudaTensor,
  lora: CudaLora,
  xa: CudaTensor,
  y: CudaTensor,
  beta: number,
): void {
  const { a, b, r, scale, dropout } = lora;
  const [rows, inn] = x.shape;
  const dropped = dropout > 0 ? cuda.allocate(x.shape) : x;
  if (dropout > 0) drop(cuda, x, lora, dropped);
  cuda.gemm(rows, r, inn, dropped, { ...cuda.as(a, x.storage), transposed: true }, xa);
  const right = { ...cuda.as(b, x.storage), transposed: true };
  cuda.gemm(rows, y.shape[1], r, cuda.as(xa, x.storage), right, y, { alpha: scale, beta });
}

/** dA, dB, and the adapter's part of dx, for any storage and rank. */
function backwardByProducts(
  cuda: Cuda,
  x: CudaTensor,
  { lora, dy, xa, dA, dB }: CudaLoraGradients,
  dx: CudaTensor,
): void {
  const { a, b, r, scale, dropout } = lora;
  const [rows, inn] = x.shape;
  const out = dy.shape[1];
  const dropped = dropout > 0 ? cuda.allocate(x.shape) : x;
  if (dropout > 0) drop(cuda, x, lora, dropped);
  const exact = cuda.allocate([rows, r], "float32");
  cuda.gemm(rows, r, out, dy, cuda.as(b, dy.storage), exact, { alpha: scale });
  const dxa = cuda.as(exact, dy.storage);
  cuda.gemm(out, r, rows, { ...dy, transposed: true }, cuda.as(xa, dy.storage), dB, { alpha: scale });
  cuda.gemm(r, inn, rows, { ...dxa, transposed: true }, dropped, dA);
  cuda.gemm(rows, inn, r, dxa, cuda.as(a, dy.storage), dx);
  if (dropout > 0) drop(cuda, dx, lora, dx);
}
