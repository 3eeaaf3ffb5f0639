/** `mistral-lab reason`: JSON lines in, what the reasoning finds out, a line each; no language model. */
import { createInterface } from "node:readline";
import { type Command, Option } from "commander";
import pc from "picocolors";
import { loadDomain } from "../chat/domain/domain.ts";
import { type ReasonResult, reasonAbout } from "../chat/items.ts";
import { ReasoningSystem } from "../chat/reasoning.ts";
import { plural } from "../views/numbers.ts";
import { messageOf } from "./errors.ts";

export function addReason(program: Command): void {
  program
    .command("reason")
    .summary("reason about questions given as JSON lines, without a model")
    .description(
      "Reads JSON lines {id?, query, history?: [{role, content}], response?, now?} from standard input and writes, for each, {id, category, scores, entities, relation, approach, sentiment, offensive}, and {consistent, issues} where there is a response. A line that is none gives {line, error}, and exit code 1 at the end.",
    )
    .addOption(
      new Option("--domain <name>", "ecommerce.fr, sante.fr, support.en, or a JSON file").default(
        "ecommerce.fr",
      ),
    )
    .addHelpText(
      "after",
      `
${pc.bold("Examples:")}
  echo '{"query": "ou est mon coli"}' | mistral-lab reason
  mistral-lab reason --domain my-shop.json < questions.jsonl > found.jsonl`,
    )
    .action(({ domain }: { domain: string }) => reason(domain));
}

async function reason(name: string): Promise<void> {
  const reasoning = new ReasoningSystem(await loadDomain(name));
  let [line, wrong] = [0, 0];
  for await (const text of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    line++;
    if (text.trim() === "") continue;
    let answer: ReasonResult | { line: number; error: string };
    try {
      answer = reasonAbout(reasoning, JSON.parse(text));
    } catch (error) {
      wrong++;
      answer = { line, error: messageOf(error) };
    }
    // A reader slower than this waits for nothing: what does not fit into the pipe is kept by the stream.
    if (!process.stdout.write(`${JSON.stringify(answer)}\n`))
      await new Promise((resolve) => process.stdout.once("drain", resolve));
  }
  if (wrong > 0)
    throw new Error(`${plural(wrong, "line")} of ${line} could not be read; each has its reason in "error".`);
}
