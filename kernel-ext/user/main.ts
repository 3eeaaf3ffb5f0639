/**
 * The process of the cells. Its main thread is all theirs: code here only runs between them. The kernel speaks to it
 * on Node's channel; a guard thread stops what does not stop by itself.
 */
import { Worker } from "node:worker_threads";
import type { ToUser } from "../protocol.ts";
import { sibling } from "../sibling.ts";
import { bundleOf } from "./bundle.ts";
import { Cell, currentCell, currentRun, Interrupted, inCell } from "./cell.ts";
import { tell } from "./channel.ts";
import { Comms } from "./comms.ts";
import { failureOf, installStacks } from "./errors.ts";
import { CellExecutor, type Outcome } from "./executor.ts";
import { NotebookFrontEnd } from "./frontEnd.ts";
import { COOPERATIVE_PATIENCE, GuardState } from "./guardState.ts";
import { installTimers } from "./timers.ts";

/** Node's own, before they are bound to cells. */
const { setImmediate: later, setTimeout: after } = globalThis;

const state = new GuardState();
const guard = new Worker(sibling(import.meta.url, "guard"), { workerData: state.shared });
const frontEnd = new NotebookFrontEnd(state);
const comms = new Comms();
const executor = new CellExecutor();
let running: Cell | undefined;

async function run(request: Extract<ToUser, { type: "run" }>): Promise<void> {
  const cell = new Cell(request);
  running = cell;
  state.run = request.run;
  // The storage's hook comes with its first use; cells may have made more.
  inCell(cell, forgiveUnwinding);
  let failure: unknown;
  let failed = false;
  let result: Awaited<ReturnType<typeof bundleOf>> | undefined;
  try {
    const work = inCell(cell, async () => {
      const outcome: Outcome = await executor.run(cell);
      if (!outcome.ok) throw outcome.error;
      const bundle = outcome.hasValue ? await bundleOf(await outcome.value) : undefined;
      await Promise.all(cell.pending);
      return bundle;
    });
    work.catch(() => {});
    result = await Promise.race([work, cell.ended]);
  } catch (error) {
    failed = true;
    // What waits on the cell's signal says that it was aborted: to the person that is the interrupt.
    const aborted = cell.interrupted && (error as Error | undefined)?.name === "AbortError";
    failure = aborted ? new Interrupted() : error;
  }
  cell.over = true;
  running = undefined;
  state.run = 0;
  const done = { type: "done", run: request.run } as const;
  try {
    tell({ ...done, ...(failed ? { error: failureOf(failure) } : result ? { result } : {}) });
  } catch (error) {
    // Too long for a string, say. Without this message the cell would run for ever.
    tell({ ...done, error: failureOf(error) });
  }
}

function interrupt(force: boolean): void {
  const cell = running;
  if (!cell) return;
  state.acknowledged = cell.request.run;
  const again = cell.wasTold;
  cell.wasTold = true;
  cell.interrupted = true;
  state.interrupted = cell.request.run;
  cell.controller.abort(new DOMException("The cell was interrupted.", "AbortError"));
  if (cell.cooperative && !again && !force) {
    after(() => cell.end(), COOPERATIVE_PATIENCE).unref();
    return;
  }
  // A sleep has just been told to reject: its `finally` blocks run before the cell ends.
  later(() => cell.end());
}

function handle(message: ToUser): void {
  switch (message.type) {
    case "run":
      // On a stack of its own: what the guard ends there must not be Node's reading of the channel.
      later(() => void run(message));
      break;
    case "interrupt":
      interrupt(message.force);
      break;
    case "input":
      frontEnd.answer(message.id, message.value);
      break;
    case "comm":
      comms.handle(message);
      break;
    case "exit":
      process.exit(0);
  }
}

/**
 * A cell that is ended in the middle leaves entries on Node's stack of asynchronous contexts, and with an
 * AsyncLocalStorage in use Node aborts the process when it finds one. Two of Node's counters turn its checks on, and do
 * nothing else: `kCheck` and `kTotals`, the number of hooks. Newer versions of Node keep no such stack for
 * AsyncLocalStorage.
 */
function forgiveUnwinding(): void {
  const { async_hook_fields: fields, constants } = (
    process as unknown as {
      binding(name: string): {
        async_hook_fields: Uint32Array;
        constants: Record<"kCheck" | "kTotals", number>;
      };
    }
  ).binding("async_wrap");
  fields[constants.kCheck] = 0;
  fields[constants.kTotals] = 0;
}

/** What is printed belongs to the cell whose code prints, however late. */
function capture(name: "stdout" | "stderr"): void {
  const write = (chunk: string | Uint8Array, encoding?: unknown, done?: unknown) => {
    const cell = currentCell();
    const callback = typeof encoding === "function" ? encoding : done;
    const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8");
    if (!cell?.dead && text !== "") tell({ type: "stream", run: currentRun(), name, text });
    if (typeof callback === "function") process.nextTick(callback as () => void);
    return true;
  };
  process[name].write = write as typeof process.stdout.write;
}

function complain(what: string, error: unknown): void {
  const cell = currentCell();
  // An interrupted cell's promises reject because of the interrupt.
  if (cell?.dead) return;
  process.stderr.write(`${what}: ${failureOf(error).traceback.join("\n")}\n`);
}

installStacks();
capture("stdout");
capture("stderr");
frontEnd.install();
comms.install();
installTimers();
guard.on("message", (stopped: number) => {
  if (running?.request.run === stopped) running.end();
});
guard.unref();
process.on("message", handle);
process.on("disconnect", () => process.exit(0));
process.on("SIGINT", () => {});
process.on("uncaughtException", (error) => complain("Uncaught", error));
process.on("unhandledRejection", (error) => complain("Uncaught (in promise)", error));
tell({ type: "ready" });
