/** Loading a model before one's eyes: a model of the hub shows how far its download is. */
import { basename, resolve } from "node:path";
import type { LoadOptions, MistralModel } from "../index.ts";
import { bytes, clock } from "../views/numbers.ts";
import type { Output } from "./output.ts";
import { ProgressLine } from "./progress.ts";
import type { Lab } from "./road.ts";

export async function loadShown(lab: Lab, output: Output, source: string): Promise<MistralModel> {
  return shown(output, source, (options) => lab.loadModel(source, options));
}

/**
 * Several adapters on one base, by name.
 *
 * @param source the base; one that is an adapter itself comes first, under its folder's name. undefined: the first adapter's base
 * @param adapters folders or models of the hub, by name
 */
export async function loadShownAdapters(
  lab: Lab,
  output: Output,
  source: string | undefined,
  adapters: ReadonlyMap<string, string>,
): Promise<Map<string, MistralModel>> {
  const [first] = adapters.entries();
  const [name, folder] = source === undefined ? first : [basename(resolve(source)), source];
  const model = await loadShown(lab, output, folder);
  const base = lab.withoutLora(model);
  const models = new Map<string, MistralModel>();
  if (lab.trainableParameters(model) > 0 && !adapters.has(name)) models.set(name, model);
  for (const [other, place] of adapters) {
    if (source === undefined && other === name) models.set(name, model);
    else {
      const loaded = await shown(output, place, (options) =>
        lab.loadAdapters(base, { [other]: place }, options),
      );
      models.set(other, loaded.get(other)!);
    }
  }
  return models;
}

async function shown<T>(
  output: Output,
  source: string,
  load: (options: LoadOptions) => Promise<T>,
): Promise<T> {
  const bar = new ProgressLine(output, "Downloading");
  try {
    return await output.during(`loading ${source}`, () =>
      load({
        onProgress: ({ file, done, total, bytesPerSecond, secondsLeft }) => {
          output.event({ type: "download", file, done, total });
          const speed = `${bytes(bytesPerSecond)}/s`;
          const facts = [Number.isFinite(secondsLeft) ? `ETA ${clock(secondsLeft)}` : "ETA …", speed, file];
          bar.update({ done, total, show: bytes, facts });
        },
        onNote: (text) => output.warn(text),
      }),
    );
  } finally {
    bar.clear();
  }
}
