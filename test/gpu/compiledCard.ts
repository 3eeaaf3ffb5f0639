/** Opens the emulated card without built kernels, adds on it, and prints what was said, as JSON. Argument: the cache. */
import { openCuda } from "../../sdk/backend/cuda/open.ts";
import { loadAddon } from "../../sdk/backend/loadAddon.ts";

const said: string[] = [];
const cuda = await openCuda(loadAddon()!.cuda, "float32", {
  built: "none",
  cache: process.argv[2],
  onProgress: (text, done, total) => said.push(`${text}: ${done} of ${total}`),
  onNote: (text) => said.push(text),
});
const [a, b, y] = [1, 2, 3].map(() => cuda.allocate([3]));
cuda.driver.upload(a.address, Float32Array.of(1, 2, 3));
cuda.driver.upload(b.address, Float32Array.of(10, 20, 30));
cuda.sum(a, b, y);
const sum = new Float32Array(3);
cuda.driver.download(y.address, sum);
console.log(JSON.stringify({ sum: [...sum], origin: cuda.kernelOrigin, said }));
