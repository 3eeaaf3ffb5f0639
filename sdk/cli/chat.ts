/** `mistral-lab chat`: a conversation in the terminal, one question, or a filter between pipes. */
import { createInterface } from "node:readline";
import { type Command, InvalidArgumentError, Option } from "commander";
import pc from "picocolors";
import { WordWrap } from "../chat/interactive/wordWrap.ts";
import { resolveGenerateOptions } from "../generate/options.ts";
import type { ChatSession, Device, Domain, MistralModel } from "../index.ts";
import { harmless } from "../text/harmless.ts";
import { UsageError } from "./errors.ts";
import { domainOf, OUTPUT_DIR, requireModel } from "./folders.ts";
import { loadShown, loadShownAdapters } from "./loading.ts";
import { deviceOption, jsonOption, real, whole } from "./options.ts";
import { Output } from "./output.ts";
import type { Lab } from "./road.ts";

interface ChatFlags {
  once?: string;
  adapter: ReadonlyMap<string, string>;
  domain?: string;
  reasoning: boolean;
  debug?: boolean;
  temperature: number;
  topK: number;
  topP: number;
  repetitionPenalty: number;
  maxNewTokens: number;
  seed: number;
  device: Device;
  json?: boolean;
}

export function addChat(program: Command): void {
  // What the SDK does without a flag, so that the help cannot say anything else.
  const sampling = resolveGenerateOptions({});
  program
    .command("chat")
    .summary("talk with a model and see how it reasons")
    .description(
      "Chat with a model. Each question passes through a reasoning (what is asked, about what, how to answer), which guides the answer and checks it.",
    )
    .argument("[model-dir]", "folder of a model, or of an adapter that finetune wrote", OUTPUT_DIR)
    .addOption(new Option("--once <question>", "answer this question and end").argParser(question))
    .addOption(
      new Option(
        "--adapter <name=dir>",
        "an adapter on the model, by a name of your choice; several may be given, and the command adapter switches between them. Without model-dir the first one's base is used, in 4 bits where it was trained so",
      )
        .argParser(namedFolder)
        .default(new Map(), "none"),
    )
    .addOption(
      new Option(
        "--domain <name>",
        "knowledge of the reasoning: ecommerce.fr, sante.fr, support.en, or a JSON file (default: that of the data the model was tuned on, else ecommerce.fr)",
      ),
    )
    .addOption(new Option("--no-reasoning", "the model alone"))
    .addOption(new Option("--debug", "show the reasoning after each answer"))
    .optionsGroup("Sampling:")
    .addOption(
      new Option(
        "--temperature <x>",
        "0 takes the most likely token; 1 draws from the model's own distribution",
      )
        .argParser(real({ min: 0 }))
        .default(sampling.temperature),
    )
    .addOption(
      new Option("--top-k <n>", "draw among the n most likely tokens; 0 = all")
        .argParser(whole({ min: 0 }))
        .default(sampling.topK),
    )
    .addOption(
      new Option("--top-p <x>", "draw among the likeliest tokens that hold this share of the probability")
        .argParser(real({ above: 0, max: 1 }))
        .default(sampling.topP),
    )
    .addOption(
      new Option("--repetition-penalty <x>", "above 1 makes tokens that were used less likely")
        .argParser(real({ above: 0 }))
        .default(sampling.repetitionPenalty),
    )
    .addOption(
      new Option("--max-new-tokens <n>", "tokens of one answer at most")
        .argParser(whole({ min: 1 }))
        .default(sampling.maxNewTokens),
    )
    .addOption(
      new Option("--seed <n>", "of the random draws").argParser(whole({ min: 0 })).default(sampling.seed),
    )
    .optionsGroup("Run:")
    .addOption(deviceOption())
    .addOption(
      jsonOption('an "answer" with its reasoning for each line, a "command" for each command, "error"'),
    )
    .addHelpText(
      "after",
      `
${pc.bold("In the chat")}, between pipes and with --json too, the commands are those of the domain: aide, quitter, effacer,
debug, debug+, reload in French; help, exit, clear, debug, debug+, reload in English; with --adapter, adapter NAME in
both. Ctrl-C stops the answer; on an empty line, pressed twice, it ends the chat.

${pc.bold("Examples:")}
  mistral-lab chat mistral-finetuned
  mistral-lab chat mistral-finetuned --once "Où est mon colis ?" --debug
  mistral-lab chat --adapter shop=runs/shop --adapter health=runs/health
  mistral-lab chat data/models/mini --no-reasoning --temperature 0.8 --top-p 0.9
  cat questions.txt | mistral-lab chat mistral-finetuned --json`,
    )
    .action((dir: string, flags: ChatFlags, { args }: Command) => {
      const first = flags.adapter.values().next().value;
      // A folder by default would be one adapter more than was asked for.
      return args.length === 0 && first !== undefined ? chat(undefined, first, flags) : chat(dir, dir, flags);
    });
}

function question(text: string): string {
  if (text.trim() === "") throw new InvalidArgumentError("Expected a question, got an empty text.");
  return text;
}

/** Adds "name=folder" to those that came before. */
function namedFolder(text: string, before: ReadonlyMap<string, string>): Map<string, string> {
  const at = text.indexOf("=");
  const [name, folder] = [text.slice(0, at), text.slice(at + 1)];
  if (at < 1 || folder === "" || /\s/.test(name)) {
    throw new InvalidArgumentError("Expected a name without blanks, =, and a folder: shop=runs/shop.");
  }
  if (before.has(name)) throw new InvalidArgumentError(`The name ${name} is given twice.`);
  return new Map([...before, [name, folder]]);
}

/**
 * @param base of the adapters, or the only model; undefined for the first adapter's
 * @param dir the folder that the conversation is about
 */
async function chat(base: string | undefined, dir: string, flags: ChatFlags): Promise<void> {
  if (flags.debug && !flags.reasoning)
    throw new UsageError(
      "chat: --debug shows the reasoning, and --no-reasoning leaves it out; give one of them.",
    );
  for (const folder of [dir, ...flags.adapter.values()]) requireModel(folder);
  const lab = await import("../index.ts");
  const { name, note: otherDomain } =
    flags.domain === undefined ? domainOf(dir, lab.domainNames()) : { name: flags.domain };
  const domain = await lab.loadDomain(name);
  const { note } = await lab.useDevice(flags.device);
  const output = new Output(flags.json);
  if (note) output.warn(note);
  if (otherDomain && flags.reasoning) output.warn(otherDomain);
  const adapters =
    flags.adapter.size > 0 ? await loadShownAdapters(lab, output, base, flags.adapter) : undefined;
  const model = adapters ? [...adapters.values()][0] : await loadShown(lab, output, dir);
  const session = openSession(lab, model, domain, flags);
  if (flags.once !== undefined) return answerOnce(lab, output, session, flags.once, flags.debug === true);
  const reload = () => lab.loadDomain(name);
  if (!flags.json) {
    const { failed } = await lab.runTerminalChat(session, domain, { debug: flags.debug, adapters, reload });
    // A person has seen the error and gone on; who reads a pipe must be told.
    if (failed > 0 && !process.stdin.isTTY) process.exitCode = 1;
    return;
  }
  const { jsonChat } = await import("../chat/interactive/jsonChat.ts");
  const lines = createInterface({ input: process.stdin });
  for await (const event of jsonChat(session, domain, lines, { adapters, reload })) {
    output.event(event);
    if (event.type === "error") process.exitCode = 1;
  }
}

function openSession(lab: Lab, model: MistralModel, domain: Domain, flags: ChatFlags): ChatSession {
  const { temperature, topK, topP, repetitionPenalty, maxNewTokens, seed, reasoning } = flags;
  return new lab.ChatSession(model, {
    sampling: { temperature, topK, topP, repetitionPenalty, maxNewTokens, seed },
    // In a conversation a wrong answer is withdrawn before one's eyes; --once and a filter give it after its check.
    maxRetries: 1,
    ...(reasoning ? { reasoning: new lab.ReasoningSystem(domain) } : {}),
  });
}

/** One question, answered: a JSON line, or the text as it comes and then its reasoning where it is wanted. */
export async function answerOnce(
  lab: Lab,
  output: Output,
  session: ChatSession,
  question: string,
  debug: boolean,
): Promise<void> {
  if (output.json) {
    const { answerJson } = await import("../chat/interactive/jsonChat.ts");
    return output.event(await answerJson(session, question));
  }
  const lines = new WordWrap(process.stdout, 0);
  for await (const piece of session.say(question)) lines.write(harmless(piece));
  output.say();
  const trace = session.lastTrace;
  if (!debug || trace === undefined) return;
  const width = Math.min(process.stdout.columns || 80, 110);
  output.say(lab.formatTrace(trace, { color: pc.isColorSupported, width }));
}
