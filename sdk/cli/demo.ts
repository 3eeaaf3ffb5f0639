/** `mistral-lab demo` (`npm start`): the whole road on the bundled model and data, in a minute or two. */
import { type Command, Option } from "commander";
import pc from "picocolors";
import type { Device, Evaluation } from "../index.ts";
import { duration } from "../views/numbers.ts";
import { answerOnce } from "./chat.ts";
import { type DemoRecipe, demoRecipe, demoRecipeWithoutAddon } from "./demoRecipe.ts";
import { Interrupted } from "./errors.ts";
import { BUNDLED_MODEL, bundled, OUTPUT_DIR, readJob, runMarks } from "./folders.ts";
import { measure, showEvaluations } from "./measure.ts";
import { deviceOption, jsonOption } from "./options.ts";
import { Output, shellWords } from "./output.ts";
import { chooseDevice, type Lab, type RoadEnd, showWritten, walk } from "./road.ts";

interface DemoFlags {
  outputDir: string;
  device: Device;
  json?: boolean;
}

const CSV = "data/ecommerce.fr.csv";
const TEST = "data/ecommerce.fr.test.csv";
const DOMAIN = "ecommerce.fr";

export function addDemo(program: Command): void {
  program
    .command("demo")
    .summary("all of this on the bundled model, in a minute or two")
    .description(
      `Fine-tune the bundled model on ${CSV}, measure it on questions it has not seen, and ask it three. A minute or two on 2 cores.`,
    )
    .addOption(
      new Option("--output-dir <dir>", "where everything is written").default(OUTPUT_DIR, OUTPUT_DIR),
    )
    .addOption(deviceOption())
    .addOption(jsonOption("the events of finetune, evaluate and chat"))
    .action((flags: DemoFlags) => demo(flags));
}

async function demo({ outputDir, device: wanted, json }: DemoFlags): Promise<void> {
  const started = performance.now();
  refuseForeignRun(outputDir);
  const output = new Output(json);
  const lab = await import("../index.ts");
  const { device } = await chooseDevice(lab, output, wanted, { compute: "bfloat16" });
  const recipe = device === "cpu" ? demoRecipeWithoutAddon : demoRecipe;
  if (device === "cpu") {
    output.topic(
      "",
      pc.yellow(
        `plain tfjs is about 200 times slower than the addon: only ${recipe.maxSteps} steps and ${recipe.heldOut} held-out questions, to show the road; the model learns next to nothing`,
      ),
    );
  }
  const end = await walk(lab, output, {
    ...recipe,
    job: { command: "demo", model: bundled(BUNDLED_MODEL), csv: bundled(CSV), test: bundled(TEST) },
    outputDir,
    device,
    saveSteps: 1000,
    resume: false,
    overwrite: true,
  });
  if (end.stopped) {
    output.say("Stopped. `npm start` begins again.");
    throw new Interrupted(end.stopped.exitCode);
  }
  await compare(lab, output, end, recipe);
  await ask(lab, output, end, recipe);
  showWritten(output, outputDir);
  output.topic("Next", `npx mistral-lab chat ${shellWords([outputDir])}`);
  output.say(`\nDone in ${duration((performance.now() - started) / 1000)}.`);
}

async function compare(
  lab: Lab,
  output: Output,
  { tuned, testExamples }: RoadEnd,
  { maxNewTokens, baseAnswers, tunedAnswers }: DemoRecipe,
): Promise<void> {
  const options = (answers: number) => ({ maxNewTokens, answers: Math.min(answers, testExamples.length) });
  const columns: Record<string, Evaluation> = {};
  const base = lab.withoutLora(tuned);
  columns.base = await measure(lab, output, "base", base, testExamples, options(baseAnswers));
  columns.tuned = await measure(lab, output, "tuned", tuned, testExamples, options(tunedAnswers));
  const asked = Object.entries(columns).map(([name, { answers }]) => `${name} ${answers.length}`);
  output.topic(
    "Result",
    `loss over all ${testExamples.length} held-out questions; answers given: ${asked.join(", ")}`,
  );
  showEvaluations(lab, output, columns);
}

async function ask(
  lab: Lab,
  output: Output,
  { tuned }: RoadEnd,
  { questions, maxNewTokens }: DemoRecipe,
): Promise<void> {
  const reasoning = new lab.ReasoningSystem(await lab.loadDomain(DOMAIN));
  for (const question of questions) {
    // A new session each: the questions have nothing to do with each other.
    const session = new lab.ChatSession(tuned, { reasoning, sampling: { maxNewTokens } });
    output.say();
    output.say(pc.bold(`› ${question}`));
    await answerOnce(lab, output, session, question, true);
  }
  output.say();
}

/** The demo may be run again and again, but never destroys what somebody else has made. */
function refuseForeignRun(dir: string): void {
  const marks = runMarks(dir);
  if (marks.length === 0 || readJob(dir)?.command === "demo") return;
  throw new Error(
    `${dir} holds a run that the demo did not make (${marks.join(", ")}). Move it away, or choose another folder: npx mistral-lab demo --output-dir demo-run`,
  );
}
