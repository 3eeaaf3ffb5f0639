/** Checks every op on the card that the emulator pretends to be, and prints what it said and which kernels ran, as JSON. */
import * as tf from "@tensorflow/tfjs";
import type { CudaBackend } from "../../sdk/backend/cuda/backend.ts";
import { useDevice } from "../../sdk/backend/device.ts";
import { checkOps } from "../../sdk/ops/check.ts";

const { note, description } = await useDevice("cuda");
const { cuda } = tf.backend() as CudaBackend;
const { activation } = cuda;
const launch = cuda.launch.bind(cuda);
const kernels = new Set<string>();
let op = "";
cuda.launch = (kernel, ...rest) => {
  // Those of one case; in float32 and bfloat16, where the card has it, of which the latter is asked for.
  if (op === "attention" && kernel.name.endsWith(activation)) kernels.add(kernel.name);
  launch(kernel, ...rest);
};
const ops = [];
for await (const result of checkOps()) {
  ops.push(result);
  ({ op } = result); // the case before "attention, headDim 128"
}
console.log(JSON.stringify({ note, description, activation, ops, kernels: [...kernels] }));
