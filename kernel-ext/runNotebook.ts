/** Runs a notebook's cells in a kernel, over ZeroMQ as a front end would, and keeps their outputs. */
import { dirname, resolve } from "node:path";
import { KernelClient } from "./client.ts";
import { kernelInfo } from "./info.ts";
import { DISPLAY_NAME, KERNEL_NAME } from "./kernelspec.ts";
import type { Message } from "./messages.ts";
import {
  type Cell,
  type Notebook,
  OutputCollector,
  readNotebook,
  sourceOf,
  withParameters,
} from "./notebook.ts";

export interface RunOptions {
  /** Seconds that one cell may take. Default: no limit */
  timeout?: number;
  /** Values for the notebook's parameters. */
  parameters?: ReadonlyMap<string, unknown>;
  /** Stops the run: the running cell is interrupted. */
  signal?: AbortSignal;
  /** Called before each code cell. */
  onCell?: (index: number, count: number) => void;
}

export interface NotebookRun {
  /** With the outputs of all cells that were run. */
  notebook: Notebook;
  /** The cell that failed, from 1 among the code cells, and why. */
  failure?: { cell: number; ename: string; evalue: string; traceback: string[] };
  seconds: number;
}

/** Seconds that an interrupted cell has before the kernel is killed. */
const INTERRUPT_GRACE = 10;

/** The kernel works in the notebook's folder, as under Jupyter. */
export async function runNotebook(file: string, options: RunOptions = {}): Promise<NotebookRun> {
  const started = performance.now();
  const notebook = withParameters(readNotebook(file), options.parameters ?? new Map());
  const cells = notebook.cells.filter(({ cell_type }) => cell_type === "code");
  for (const cell of cells) Object.assign(cell, { outputs: [], execution_count: null });
  const client = await KernelClient.start({ cwd: dirname(resolve(file)) });
  try {
    const failure = await runCells(client, cells, options);
    for (const cell of cells) cell.outputs = OutputCollector.kept(cell.outputs!);
    notebook.metadata = { ...notebook.metadata, ...kernelMetadata() };
    return { notebook, ...(failure ? { failure } : {}), seconds: (performance.now() - started) / 1000 };
  } finally {
    await client.shutdown();
  }
}

async function runCells(client: KernelClient, cells: Cell[], options: RunOptions) {
  const collector = new OutputCollector();
  const outputsOf = new Map<string, Cell>();
  // Late output still goes to its own cell.
  client.onIopub = (message: Message) => {
    const cell = outputsOf.get(message.parent_header.msg_id ?? "");
    if (cell) collector.add(cell.outputs!, message);
  };
  for (const [index, cell] of cells.entries()) {
    options.onCell?.(index, cells.length);
    const code = sourceOf(cell);
    if (code.trim() === "") continue;
    const { content } = await execute(client, code, cell, outputsOf, options);
    cell.execution_count = (content.execution_count as number | undefined) ?? null;
    if (content.status === "ok") continue;
    const [ename, evalue] = [String(content.ename ?? content.status), String(content.evalue ?? "")];
    return { cell: index + 1, ename, evalue, traceback: (content.traceback as string[] | undefined) ?? [] };
  }
  return undefined;
}

async function execute(
  client: KernelClient,
  code: string,
  cell: Cell,
  outputsOf: Map<string, Cell>,
  { timeout, signal }: RunOptions,
): Promise<Pick<Message, "content">> {
  const answer = client.execute(code, {}, undefined, (id) => outputsOf.set(id, cell));
  let why: string | undefined;
  let kill: NodeJS.Timeout | undefined;
  const stop = (reason: string) => {
    why ??= reason;
    void client.interrupt().catch(() => {});
    kill ??= setTimeout(() => client.process.kill("SIGKILL"), INTERRUPT_GRACE * 1000);
  };
  const onAbort = () => stop("The run was interrupted.");
  const timer =
    timeout === undefined
      ? undefined
      : setTimeout(() => stop(`The cell took longer than ${timeout} s (--timeout).`), timeout * 1000);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const { reply } = await answer;
    if (why === undefined) return reply;
    return { content: { status: "error", ename: "Stopped", evalue: why, traceback: [why] } };
  } catch (error) {
    const evalue = why ?? (error as Error).message;
    const failure = { ename: "KernelDied", evalue, traceback: [evalue] };
    cell.outputs!.push({ output_type: "error", ...failure });
    return { content: { status: "error", ...failure } };
  } finally {
    clearTimeout(timer);
    clearTimeout(kill);
    signal?.removeEventListener("abort", onAbort);
  }
}

function kernelMetadata() {
  const { codemirror_mode, file_extension, mimetype, name, nbconvert_exporter, version } = kernelInfo()
    .language_info as Record<string, unknown>;
  return {
    kernelspec: { display_name: DISPLAY_NAME, language: "typescript", name: KERNEL_NAME },
    language_info: { codemirror_mode, file_extension, mimetype, name, nbconvert_exporter, version },
  };
}
