/** Checks of what a caller gives: options by name, and the values that the steps hand to each other. */
import { z } from "zod";

/**
 * Checks an option object: wrong keys and values are one error that names every key, what was expected and
 * what came.
 *
 * @param where name of the function, for the message
 */
export function checkOptions<S extends z.ZodType>(where: string, schema: S, options: unknown): z.output<S> {
  const result = schema.safeParse(options);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => {
    if (issue.code === "unrecognized_keys") {
      const full = (key: string) => [...issue.path, key].join(".");
      const known = keysAt(schema, issue.path).map(full);
      return issue.keys
        .map(
          (key) => `unknown option "${full(key)}"${suggestion(full(key), known)}; known: ${known.join(", ")}`,
        )
        .join("; ");
    }
    const path = issue.path.join(".");
    if (path === "") return `options: expected an object, got ${kindOf(options)}`;
    // zod says in words what came; the value itself says more.
    const message = issue.message.replace(
      /^(Invalid input|Invalid option|Too small|Too big): |, received .*$/g,
      "",
    );
    return `option "${path}": ${message}, got ${describe(at(options, issue.path))}`;
  });
  throw new TypeError(`${where}: ${problems.join("; ")}`);
}

/** ' (did you mean "x"?)' for the nearest known word, or ''. */
export function suggestion(word: string, known: readonly string[]): string {
  const nearest = known
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  const close = nearest && nearest.distance <= Math.max(2, Math.floor(word.length / 3));
  return close ? ` (did you mean "${nearest.candidate}"?)` : "";
}

/** Letters to insert, delete, replace, or exchange with their neighbour. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        next[j] = Math.min(next[j], before[j - 2] + 1);
    }
    before = row;
    row = next;
  }
  return row[b.length];
}

/** The keys of the object that stands at `path` in the schema. */
function keysAt(schema: z.ZodType, path: PropertyKey[]): string[] {
  const object = path.reduce<unknown>((outer, key) => {
    const inner = outer instanceof z.ZodObject ? outer.shape[String(key)] : undefined;
    return inner instanceof z.ZodOptional ? inner.unwrap() : inner;
  }, schema);
  return object instanceof z.ZodObject ? Object.keys(object.shape) : [];
}

function at(value: unknown, path: PropertyKey[]): unknown {
  return path.reduce<unknown>((v, key) => (v as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

function describe(value: unknown): string {
  if (typeof value === "object" && value !== null && !isPlain(value)) return kindOf(value);
  const text = typeof value === "string" || typeof value === "object" ? JSON.stringify(value) : String(value);
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
}

/** Characters of a value in a message. */
const LONGEST_VALUE = 80;

/**
 * Checks a value that a step is given beside its options.
 *
 * @param where name of the function and of the parameter, such as "train: examples"
 * @param expected what it should be, and where one gets it
 * @throws TypeError that says what came instead; a promise is told as a forgotten await
 */
export function checkArgument(where: string, fits: boolean, expected: string, value: unknown): void {
  if (!fits) throw new TypeError(`${where}: expected ${expected}, got ${kindOf(value)}`);
}

/** "a Table", "an Array", "a Promise (await is missing)", "undefined", '"text"'. */
function kindOf(value: unknown): string {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return describe(value);
  if (typeof value === "function") return "a function";
  if (typeof (value as { then?: unknown }).then === "function") return "a Promise (await is missing)";
  const name = value.constructor?.name || "Object";
  const article = /^[AEIOU]/.test(name) ? "an" : "a";
  const keys =
    isPlain(value) && !Array.isArray(value) ? ` with ${Object.keys(value).slice(0, 6).join(", ")}` : "";
  return `${article} ${name}${keys === " with " ? " without keys" : keys}`;
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Array.isArray(value);
}
