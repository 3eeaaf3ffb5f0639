/** Loading a model before one's eyes: a model of the hub shows how far its download is. */
import type { MistralModel } from "../index.ts";
import { bytes, clock, type Output } from "./output.ts";
import { ProgressLine } from "./progress.ts";
import type { Lab } from "./road.ts";

export async function loadShown(lab: Lab, output: Output, source: string): Promise<MistralModel> {
  const bar = new ProgressLine(output, "Downloading");
  try {
    return await output.during(`loading ${source}`, () =>
      lab.loadModel(source, {
        onProgress: ({ file, done, total, bytesPerSecond, secondsLeft }) => {
          output.event({ type: "download", file, done, total });
          const speed = `${bytes(bytesPerSecond)}/s`;
          const facts = [Number.isFinite(secondsLeft) ? `ETA ${clock(secondsLeft)}` : "ETA …", speed, file];
          bar.update({ done, total, facts });
        },
        onNote: (text) => output.warn(text),
      }),
    );
  } finally {
    bar.clear();
  }
}
