/** Notebook files (nbformat 4) as values: reading, parameters, and what messages add to a cell's outputs. */
import { readFileSync } from "node:fs";
import type { Json, Message } from "./messages.ts";

export type Output = Json & { output_type: string };

export interface Cell {
  cell_type: "code" | "markdown" | "raw";
  id?: string;
  source: string | string[];
  metadata: Json & { tags?: string[] };
  outputs?: Output[];
  execution_count?: number | null;
}

export interface Notebook {
  cells: Cell[];
  metadata: Json;
  nbformat: number;
  nbformat_minor: number;
}

export function readNotebook(file: string): Notebook {
  let value: Partial<Notebook>;
  try {
    value = JSON.parse(readFileSync(file, "utf8")) as Partial<Notebook>;
  } catch (error) {
    throw new Error(`Cannot read the notebook ${file}: ${(error as Error).message}`);
  }
  if (value.nbformat !== 4 || !Array.isArray(value.cells))
    throw new Error(
      `${file} is no notebook of format 4 (nbformat is ${JSON.stringify(value.nbformat)}): open it in Jupyter and save it again.`,
    );
  return value as Notebook;
}

/** As Jupyter writes it, so that a run changes no line that it need not. */
export function notebookText(notebook: Notebook): string {
  return `${JSON.stringify(notebook, null, 1)}\n`;
}

export function sourceOf({ source }: Cell): string {
  return Array.isArray(source) ? source.join("") : source;
}

function lines(text: string): string[] {
  return text.split(/(?<=\n)/);
}

const INJECTED = "injected-parameters";

/**
 * Puts the values into a cell of their own, after the cell tagged "parameters" or, without one, first. A cell that an
 * earlier run has put there is replaced.
 */
export function withParameters(notebook: Notebook, parameters: ReadonlyMap<string, unknown>): Notebook {
  const tagged = (cell: Cell, tag: string) => cell.metadata.tags?.includes(tag) ?? false;
  const cells = notebook.cells.filter((cell) => !tagged(cell, INJECTED));
  if (parameters.size === 0) return { ...notebook, cells };
  const source = [...parameters].map(([name, value]) => `var ${name} = ${JSON.stringify(value)};`).join("\n");
  const injected: Cell = {
    cell_type: "code",
    ...(notebook.nbformat_minor >= 5 ? { id: INJECTED } : {}),
    metadata: { tags: [INJECTED] },
    source: lines(source),
    outputs: [],
    execution_count: null,
  };
  const at = cells.findIndex((cell) => tagged(cell, "parameters"));
  return { ...notebook, cells: cells.toSpliced(at + 1, 0, injected) };
}

/** What is left of lines that a carriage return has begun again, such as a progress bar's. */
function overwritten(text: string): string {
  if (!text.includes("\r")) return text;
  const line = (raw: string) => {
    // What comes after a return at the very end may still be on its way, or is the line's end.
    const end = raw.length - raw.replace(/\r+$/, "").length;
    const drawn = raw
      .slice(0, raw.length - end)
      .split("\r")
      .reduce((below, above) => above + below.slice(above.length));
    return drawn + "\r".repeat(end);
  };
  return text.split("\n").map(line).join("\n");
}

/** Multi-line texts are lists of lines in a notebook file; JSON stays as it is. */
function fileData(data: Json): Json {
  return Object.fromEntries(
    Object.entries(data).map(([mime, value]) => [
      mime,
      typeof value === "string" && (mime.startsWith("text/") || mime === "image/svg+xml")
        ? lines(value)
        : value,
    ]),
  );
}

/** Gathers what a kernel says into the outputs of cells. One for a whole run: a later cell may update a display. */
export class OutputCollector {
  /** Outputs by the display id that they can be replaced by. */
  readonly #displays = new Map<string, Output[]>();
  readonly #clearOnNext = new Set<Output[]>();

  add(outputs: Output[], { header, content }: Message): void {
    const type = header.msg_type;
    if (type === "update_display_data") {
      this.#update(content);
      return;
    }
    if (type === "clear_output") {
      if (content.wait) this.#clearOnNext.add(outputs);
      else outputs.length = 0;
      return;
    }
    const output = this.#output(type, content);
    if (!output) return;
    if (this.#clearOnNext.delete(outputs)) outputs.length = 0;
    const last = outputs.at(-1);
    if (type === "stream" && last?.output_type === "stream" && last.name === content.name)
      last.text = lines(overwritten((last.text as string[]).join("") + String(content.text)));
    else outputs.push(output);
    const id = (content.transient as { display_id?: string } | undefined)?.display_id;
    if (type === "display_data" && id) this.#displays.set(id, [...(this.#displays.get(id) ?? []), output]);
  }

  #output(type: string, content: Json): Output | undefined {
    const { data, metadata, execution_count } = content;
    switch (type) {
      case "stream":
        return { output_type: "stream", name: content.name, text: lines(overwritten(String(content.text))) };
      case "display_data":
        return { output_type: type, data: fileData(data as Json), metadata };
      case "execute_result":
        return { output_type: type, execution_count, data: fileData(data as Json), metadata };
      case "error":
        return {
          output_type: type,
          ename: content.ename,
          evalue: content.evalue,
          traceback: content.traceback,
        };
      default:
        return undefined;
    }
  }

  /** Without displays that were taken back. */
  static kept(outputs: readonly Output[]): Output[] {
    return outputs.filter(
      ({ data }) => data === undefined || Object.values(data as Json).some((form) => String(form) !== ""),
    );
  }

  #update({ transient, data, metadata }: Json): void {
    const id = (transient as { display_id?: string } | undefined)?.display_id;
    for (const output of this.#displays.get(id ?? "") ?? [])
      Object.assign(output, { data: fileData(data as Json), metadata });
  }
}
