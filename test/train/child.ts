/** A run that its parent kills: trains in the folder and on the device given, prints every event, and rests a little after each step. */
import { setTimeout as rest } from "node:timers/promises";
import { type Device, useDevice } from "../../sdk/backend/device.ts";
import { train } from "../../sdk/train/train.ts";
import { tinyExamples, tinyLoraModel } from "../tinyModel.ts";
import { resumeLora, resumeOptions } from "./support.ts";

const [folder, device] = process.argv.slice(2);
const model = await tinyLoraModel(resumeLora);
await useDevice(device as Device);
for await (const event of train(model, tinyExamples(12), { ...resumeOptions, outputDir: folder })) {
  process.stdout.write(`${JSON.stringify(event)}\n`);
  if (event.type === "step") await rest(50);
}
