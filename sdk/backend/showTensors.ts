import { inspect } from "node:util";
import * as tf from "@tensorflow/tfjs";
import { DISPLAY } from "../views/bundle.ts";
import { tensorText, tensorView } from "../views/tensor.ts";

/**
 * Lets every tfjs tensor show itself: in a notebook as the last value of a cell, and in one line where it is part of
 * another value or is printed. tfjs' class is the only place where that can be said.
 */
export function showTensors(): void {
  const show = (name: symbol, value: (this: tf.Tensor) => unknown) =>
    Object.defineProperty(tf.Tensor.prototype, name, { configurable: true, value });
  show(DISPLAY, function () {
    return tensorView(described(this, Number.POSITIVE_INFINITY));
  });
  show(inspect.custom, function () {
    return tensorText(described(this, MOST_PRINTED));
  });
}

/** Values of a tensor that is part of another value: reading more would wait for a GPU and fill the page. */
const MOST_PRINTED = 16;

function described(tensor: tf.Tensor, most: number) {
  const { shape, dtype, size } = tensor;
  const name = tensor instanceof tf.Variable ? `Variable ${tensor.name}` : "Tensor";
  if (tensor.isDisposed) return { name: `${name} (disposed)`, shape, dtype };
  const numeric = dtype === "float32" || dtype === "int32" || dtype === "bool";
  return { name, shape, dtype, values: numeric && size <= most ? tensor.dataSync<"float32">() : undefined };
}
