import * as tf from "@tensorflow/tfjs";
import { DISPLAY } from "../views/bundle.ts";
import { tensorView } from "../views/tensor.ts";

/** Lets every tfjs tensor show itself in a notebook; tfjs' class is the only place where that can be said. */
export function showTensors(): void {
  Object.defineProperty(tf.Tensor.prototype, DISPLAY, {
    configurable: true,
    value(this: tf.Tensor) {
      const { shape, dtype } = this;
      if (this.isDisposed) return tensorView({ name: "Tensor (disposed)", shape, dtype });
      const name = this instanceof tf.Variable ? `Variable ${this.name}` : undefined;
      const numeric = dtype === "float32" || dtype === "int32" || dtype === "bool";
      return tensorView({ name, shape, dtype, values: numeric ? this.dataSync<"float32">() : undefined });
    },
  });
}
