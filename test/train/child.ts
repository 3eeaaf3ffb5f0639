/** A run that its parent kills: trains in the folder given, prints every event, and rests a little after each step. */
import { setTimeout as rest } from "node:timers/promises";
import { train } from "../../sdk/train/train.ts";
import { tinyExamples, tinyLoraModel } from "../tinyModel.ts";
import { resumeLora, resumeOptions } from "./support.ts";

const model = await tinyLoraModel(resumeLora);
for await (const event of train(model, tinyExamples(12), { ...resumeOptions, outputDir: process.argv[2] })) {
  process.stdout.write(`${JSON.stringify(event)}\n`);
  if (event.type === "step") await rest(50);
}
