/** Reads a domain file, or says precisely what is wrong with it: all faults at once, each with its place. */
import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { z } from "zod";
import { packageRoot } from "../../backend/packageRoot.ts";
import { suggestion } from "../../options.ts";
import { type Domain, domainJsonSchema, domainSchema } from "./domainSchema.ts";

export type { Domain, DomainCategory, EntityWord } from "./domainSchema.ts";

/** One fault of a domain file. */
export interface DomainFault {
  /** Where: "categories[3].id". Empty for the file as a whole. */
  path: string;
  expected: string;
  got: string;
}

/** A domain file that cannot be used. `faults` holds what the message lists. */
export class DomainError extends Error {
  override name = "DomainError";
  readonly faults: DomainFault[];

  constructor(source: string, faults: DomainFault[]) {
    const lines = faults.map(
      ({ path, expected, got }) => `  ${path || "(file)"}: expected ${expected}, got ${got}`,
    );
    super(
      `${source} is no usable domain:\n${lines.join("\n")}\nCorrect the file; data/domains/domain.schema.json describes it.`,
    );
    this.faults = faults;
  }
}

/** Where the domains that ship lie. */
export function domainFolder(): string {
  return join(packageRoot(), "data", "domains");
}

/** The names of the domains that ship: "ecommerce.fr", "support.en". */
export function domainNames(): string[] {
  return readdirSync(domainFolder())
    .filter((file) => file.endsWith(".json") && file !== "domain.schema.json")
    .map((file) => file.slice(0, -".json".length))
    .sort();
}

/**
 * Loads a domain by the name of one that ships, or by the path of a JSON file.
 * Throws DomainError with every fault, its JSON path, what was expected and what is there.
 */
export async function loadDomain(pathOrName: string): Promise<Domain> {
  const shipped = join(domainFolder(), `${pathOrName}.json`);
  const isName = /^[\w.-]+$/.test(pathOrName) && !pathOrName.endsWith(".json");
  const file = isName && existsSync(shipped) ? shipped : resolve(pathOrName);
  if (!existsSync(file)) {
    const names = domainNames();
    throw new Error(
      `domain ${JSON.stringify(pathOrName)}: expected the path of a JSON file or one of ${names.join(", ")}; ` +
        `there is no file ${file}${suggestion(pathOrName, names)}`,
    );
  }
  const source = await readFile(file, "utf8");
  let json: unknown;
  try {
    json = JSON.parse(source);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DomainError(file, [{ path: "", expected: "JSON", got: reason }]);
  }
  return parseDomain(json, file);
}

/** Checks a value against the schema and fills in the defaults. `source` names it in errors. */
export function parseDomain(json: unknown, source = "the value"): Domain {
  const result = domainSchema.safeParse(json);
  if (!result.success)
    throw new DomainError(
      source,
      result.error.issues.flatMap((i) => describe(i, json)),
    );
  const faults = crossCheck(result.data);
  if (faults.length > 0) throw new DomainError(source, faults);
  return result.data;
}

function describe(issue: z.core.$ZodIssue, json: unknown): DomainFault[] {
  const path = formatPath(issue.path);
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(issue.path);
    return issue.keys.map((key) => {
      const hint = `one of ${known.join(", ")}${suggestion(key, known)}`;
      return {
        path: formatPath([...issue.path, key]),
        expected: hint,
        got: `unknown key ${JSON.stringify(key)}`,
      };
    });
  }
  const value = valueAt(json, issue.path);
  const got = value === undefined ? "nothing" : shorten(JSON.stringify(value));
  if (issue.code === "invalid_type") return [{ path, expected: issue.expected, got }];
  if (issue.code === "invalid_value")
    return [{ path, expected: `one of ${issue.values.map((v) => JSON.stringify(v)).join(", ")}`, got }];
  if (issue.code === "too_small") {
    const unit = issue.origin === "string" ? "characters" : issue.origin === "array" ? "entries" : "";
    return [{ path, expected: `at least ${issue.minimum} ${unit}`.trim(), got }];
  }
  return [{ path, expected: issue.message, got }];
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((before, key) => {
    if (typeof key === "number") return `${before}[${key}]`;
    return before === "" ? String(key) : `${before}.${String(key)}`;
  }, "");
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, key) => (isRecord(at) ? at[String(key)] : undefined), value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** The keys that the schema allows at a path. */
function knownKeys(path: readonly PropertyKey[]): string[] {
  let at: unknown = domainJsonSchema();
  for (const key of path) {
    if (!isRecord(at)) return [];
    if (typeof key === "number") at = at.items;
    else
      at =
        isRecord(at.properties) && String(key) in at.properties
          ? at.properties[String(key)]
          : at.additionalProperties;
  }
  return isRecord(at) && isRecord(at.properties) ? Object.keys(at.properties) : [];
}

/** What a schema cannot say: names that point at each other, double names, patterns that do not compile. */
function crossCheck(domain: Domain): DomainFault[] {
  const faults: DomainFault[] = [];
  const ids = domain.categories.map((category) => category.id);
  const known = (path: string, id: string) => {
    if (ids.includes(id)) return;
    const expected = `a category, one of ${ids.join(", ")}${suggestion(id, ids)}`;
    faults.push({ path, expected, got: JSON.stringify(id) });
  };
  ids.forEach((id, i) => {
    const first = ids.indexOf(id);
    if (first < i)
      faults.push({
        path: `categories[${i}].id`,
        expected: "a name of its own",
        got: `${JSON.stringify(id)}, which categories[${first}] has`,
      });
  });
  domain.categories.forEach((category, i) => {
    category.near.forEach((id, k) => {
      known(`categories[${i}].near[${k}]`, id);
    });
  });
  for (const id of Object.keys(domain.templates)) known(`templates.${id}`, id);
  for (const [name, theme] of Object.entries(domain.themes))
    theme.categories.forEach((id, i) => {
      known(`themes.${name}.categories[${i}]`, id);
    });
  domain.facts.forEach((fact, i) => {
    known(`facts[${i}].category`, fact.category);
  });
  domain.entities.orderNumbers.forEach((pattern, i) => {
    try {
      new RegExp(pattern, "giu");
    } catch (error) {
      const got = error instanceof Error ? error.message : String(error);
      faults.push({ path: `entities.orderNumbers[${i}]`, expected: "a regular expression", got });
    }
  });
  return faults;
}
