/** `mistral-lab domain`: begins a new domain file, and looks over one that is being written. */
import { existsSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { type Command, Option } from "commander";
import pc from "picocolors";
import { domainFolder, loadDomain, parseDomain } from "../chat/domain/domain.ts";
import { checkDomain, type DomainReport } from "../chat/domain/domainCheck.ts";
import { newDomain } from "../chat/domain/domainNew.ts";
import { languageOf, languages } from "../chat/language/languages.ts";
import { harmless } from "../text/harmless.ts";
import { percent, plural } from "../views/numbers.ts";
import { UsageError } from "./errors.ts";
import { jsonOption } from "./options.ts";
import { firstLines, Output } from "./output.ts";

interface NewFlags {
  language: string;
  output?: string;
}

interface CheckFlags {
  data?: string;
  json?: boolean;
}

export function addDomain(program: Command): void {
  const domain = program
    .command("domain")
    .summary("begin a domain file, or check one")
    .description(
      "A domain is what the reasoning knows: categories with example phrases, entities, facts, courtesy, texts of the chat. One JSON file, written without code; docs/adapt-a-domain.md tells how.",
    );
  domain
    .command("new")
    .summary("write a small, complete domain to begin with")
    .argument("<name>", 'who speaks, and the name of the file: "Ma Clinique" makes ma-clinique.json')
    .addOption(
      new Option("--language <code>", "of questions, answers and the chat")
        .choices(beginnings())
        .default("fr"),
    )
    .addOption(new Option("--output <file>", "where to write it (default: the name, in this folder)"))
    .action(begin);
  domain
    .command("check")
    .summary("look over a domain: schema, double claims, phrases that go astray, coverage")
    .argument("<file>", "a JSON file, or the name of a domain that ships")
    .addOption(
      new Option(
        "--data <file>",
        'a CSV with a column "instruction": how many of its questions are understood',
      ),
    )
    .addOption(jsonOption("one report"))
    .addHelpText(
      "after",
      `
Exit code 1 where the file does not fit the schema or a word is claimed twice; phrases that go astray are told only.

${pc.bold("Examples:")}
  mistral-lab domain new "Ma Clinique"
  mistral-lab domain check ma-clinique.json --data questions.csv`,
    )
    .action(check);
}

/** The languages that a new domain can begin in. */
function beginnings(): string[] {
  return [...languages.values()].filter(({ baseDomain }) => baseDomain !== undefined).map(({ code }) => code);
}

async function begin(name: string, { language, output }: NewFlags): Promise<void> {
  const slug = name
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z\d]+/g, "-")
    .replace(/^-|-$/g, "");
  if (slug === "")
    throw new UsageError(`domain new: expected a name with a letter or digit, got ${JSON.stringify(name)}.`);
  const file = resolve(output ?? `${slug}.json`);
  if (existsSync(file))
    throw new UsageError(`domain new: ${file} is there already; choose another name or --output.`);
  // Its courtesy and its commands are those of a domain that ships.
  const base = await loadDomain(languageOf(language).baseDomain as string);
  const schema = relative(dirname(file), join(domainFolder(), "domain.schema.json"));
  const domain = newDomain(name, base, schema);
  parseDomain(domain, file);
  // Never half a file, whatever happens.
  await writeFile(`${file}.part`, `${JSON.stringify(domain, null, 2)}\n`);
  await rename(`${file}.part`, file);
  const out = new Output();
  out.topic("Domain", `${harmless(name)}, in ${relative(process.cwd(), file) || file}`);
  out.topic(
    "Next",
    `write your categories and facts into it, then\nmistral-lab domain check ${relative(process.cwd(), file)}`,
  );
}

async function check(file: string, { data, json }: CheckFlags): Promise<void> {
  const domain = await loadDomain(file);
  const questions = data === undefined ? undefined : await questionsOf(data);
  const report = checkDomain(domain, questions);
  const out = new Output(json);
  out.event({ type: "domain", ...report });
  show(out, domain.name, report);
  if (report.claimedTwice.length > 0)
    throw new Error(
      `${plural(report.claimedTwice.length, "keyword")} claimed by two categories: keep each in one.`,
    );
}

async function questionsOf(file: string): Promise<string[]> {
  const { loadCsv } = await import("../data/csv.ts");
  const { rows } = await loadCsv(file);
  return rows.map(({ instruction }) => instruction);
}

function show(out: Output, name: string, report: DomainReport): void {
  out.topic(
    "Domain",
    `${harmless(name)}: fits the schema, ${plural(report.categories.length, "category").replace("categorys", "categories")}`,
  );
  out.topic(
    "Phrases",
    report.categories
      .map(
        ({ id, keywords, examples }) =>
          `${id.padEnd(20)} ${String(examples).padStart(4)} examples ${String(keywords).padStart(4)} keywords`,
      )
      .join("\n"),
  );
  if (report.claimedTwice.length > 0)
    out.topic(
      "Twice",
      report.claimedTwice
        .map(({ word, categories }) => `${harmless(word)}: ${categories.join(", ")}`)
        .join("\n"),
    );
  out.topic(
    "Learnt",
    `${percent(report.heldOut)} of the examples land in their category when they are left out`,
  );
  if (report.astray.length > 0)
    out.topic(
      "Astray",
      firstLines(
        report.astray.map(({ phrase, category, landsIn }) => `${category} → ${landsIn}: ${harmless(phrase)}`),
        15,
      ).join("\n"),
    );
  const { coverage } = report;
  if (coverage === undefined) return;
  const used = Object.entries(coverage.byCategory).sort(([, a], [, b]) => b - a);
  out.topic(
    "Coverage",
    `${coverage.clear} of ${coverage.questions} questions are clear\n${used.map(([id, n]) => `${id.padEnd(20)} ${String(n).padStart(4)}`).join("\n")}`,
  );
  if (coverage.unclear.length > 0)
    out.topic("Unclear", firstLines(coverage.unclear.map(harmless), 10).join("\n"));
}
