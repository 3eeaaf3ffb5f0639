/** Errors as the person sees them: lines and columns of the cell's TypeScript, without the kernel's own frames. */
import { SourceMap } from "node:module";
import { inspect, stripVTControlCharacters } from "node:util";
import { excerpt } from "../excerpt.ts";
import type { Failure, RunRequest } from "../protocol.ts";

interface Source {
  code: string;
  maps: SourceMap[];
  json: string[];
  /** Of what ran; below them is the call of the cell itself. */
  lines: number;
}

const sources = new Map<string, Source>();

/** Lines that the executor puts before the converted code: ours begins on a line of its own. */
export const LINES_BEFORE = 1;

/** Remembers how to read the stacks of a cell. */
export function addSource({ name, code, converted }: RunRequest): void {
  const lines = LINES_BEFORE + converted.output.split("\n").length;
  sources.set(name, { code, maps: [], json: converted.maps, lines });
}

interface Place {
  name: string;
  /** From 1. */
  line: number;
  column: number;
}

/** From the JavaScript that ran to the cell. */
function original(name: string, line: number, column: number): Place {
  const source = sources.get(name);
  if (!source) return { name, line, column };
  if (source.maps.length === 0)
    source.maps = source.json.filter((json) => json !== "").map((json) => new SourceMap(JSON.parse(json)));
  let at = { line: line - 1 - LINES_BEFORE, column: column - 1 };
  for (const map of source.maps) {
    const entry = map.findEntry(at.line, at.column);
    if (!("originalLine" in entry)) break;
    at = { line: entry.originalLine, column: entry.originalColumn };
  }
  // The converter puts one line before the cell to make it a module.
  return { name, line: Math.max(1, at.line), column: at.column + 1 };
}

/** Frames of the kernel and of Node below a cell say nothing about the cell. */
const OURS = /node:internal|[/\\](?:kernel-ext|tslab[/\\]dist)[/\\]|node:vm/;

/** One frame, in the form of V8; undefined for one that is left out. */
function frame(site: NodeJS.CallSite): string | undefined {
  const script = site.getScriptNameOrSourceURL?.() ?? site.getFileName() ?? "";
  const text = String(site);
  if (!sources.has(script)) return OURS.test(text) ? undefined : text;
  if ((site.getLineNumber() ?? 1) > sources.get(script)!.lines) return undefined;
  const place = original(script, site.getLineNumber() ?? 1, site.getColumnNumber() ?? 1);
  const where = `${place.name}:${place.line}:${place.column}`;
  const called = site.getFunctionName();
  // The cell itself is an anonymous function to V8.
  return called && !/^(?:<anonymous>|null)$/.test(called)
    ? `${site.isAsync() ? "async " : ""}${called} (${where})`
    : where;
}

/** From here on every stack in this process speaks of cells in TypeScript. */
export function installStacks(): void {
  Error.stackTraceLimit = 50;
  Error.prepareStackTrace = (error, sites) => {
    const lines = sites.map(frame).filter((line) => line !== undefined);
    return [head(error), ...lines.slice(0, 20).map((line) => `    at ${line}`)].join("\n");
  };
}

function head(error: Error): string {
  try {
    return Error.prototype.toString.call(error);
  } catch {
    return "Error";
  }
}

/** Never throws, whatever was thrown: without its answer a cell would never end. */
export function failureOf(thrown: unknown): Failure {
  return describe(thrown, new Set());
}

/** Causes, and errors that belong together, that are told in full. */
const MOST_REASONS = 5;

/** @param told what is already told above: a cause may come round */
function describe(thrown: unknown, told: Set<unknown>): Failure {
  told.add(thrown);
  try {
    return thrown instanceof Error || isErrorLike(thrown)
      ? describeError(thrown, told)
      : describeValue(thrown);
  } catch (error) {
    // A getter, a proxy, an inspect of the person's own.
    const evalue = `a value that cannot be shown: ${error instanceof Error ? head(error) : typeof error}`;
    return { ename: "Thrown", evalue, traceback: [red(`Uncaught ${evalue}`)] };
  }
}

function describeValue(thrown: unknown): Failure {
  const evalue = typeof thrown === "string" ? thrown : inspect(thrown);
  return { ename: "Thrown", evalue, traceback: [red(`Uncaught ${evalue}`)] };
}

function describeError(thrown: Error, told: Set<unknown>): Failure {
  const ename = String(thrown.name ?? "Error");
  const evalue = String(thrown.message ?? "");
  // Node puts the line of JavaScript in front of what leaves a script; it is not the person's line.
  const stack =
    typeof thrown.stack === "string"
      ? thrown.stack.replace(/^In\[\d+\]:\d+\n.*\n\s*\^+\s*\n+/, "")
      : `${ename}: ${evalue}`;
  const at = stack.search(/\n {4}at /);
  const title = at < 0 ? stack : stack.slice(0, at);
  const frames = at < 0 ? [] : stack.slice(at + 1).split("\n");
  const traceback = [...red(title).split("\n"), ...frames];
  for (const line of frames) {
    const found = /(In\[\d+\]):(\d+):(\d+)\)?$/.exec(line);
    const source = found && sources.get(found[1]);
    if (!found || !source) continue;
    traceback.push("", ...excerpt(source.code, Number(found[2]), Number(found[3])));
    break;
  }
  const reasons: unknown[] = thrown instanceof AggregateError ? [...thrown.errors] : [];
  for (const [title, reason] of [
    ...(thrown.cause === undefined ? [] : [["Caused by:", thrown.cause]]),
    ...reasons.map((reason, index) => [`Error ${index + 1} of ${reasons.length}:`, reason]),
  ]) {
    if (told.has(reason)) continue;
    if (told.size > MOST_REASONS) {
      traceback.push("", "and more");
      break;
    }
    traceback.push("", String(title), ...describe(reason, told).traceback);
  }
  return { ename, evalue: stripVTControlCharacters(evalue), traceback };
}

function isErrorLike(value: unknown): value is Error {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as Error).message === "string" &&
    typeof (value as Error).stack === "string"
  );
}

function red(text: string): string {
  return `\u001b[31m${text}\u001b[39m`;
}
