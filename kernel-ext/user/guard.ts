/**
 * The thread that can stop the cells' thread. It hears of an interrupt on a pipe of its own and, when the main
 * thread shows no sign of life, ends the JavaScript that runs there; variables stay. The end of the pipe means that
 * the kernel is gone (killed, even): then the process and all that it has started go too.
 */
import { Session } from "node:inspector";
import { Socket } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import { GUARD_FD } from "../protocol.ts";
import { COOPERATIVE_PATIENCE, GuardState, type SharedState } from "./guardState.ts";

/** Milliseconds in which a cell that never asked for the signal has to show a sign of life. */
const PATIENCE = 300;

const state = new GuardState(workerData as SharedState);

let waiting: NodeJS.Timeout | undefined;

function terminate(run: number): void {
  waiting = undefined;
  if (state.run !== run || state.acknowledged === run) return;
  parentPort!.postMessage(run);
  // Only for as long as it takes: Node would wait for a debugger at the end of the process.
  const session = new Session();
  session.connectToMainThread();
  session.post("Runtime.terminateExecution", () => session.disconnect());
}

function interrupt(): void {
  const { run } = state;
  if (run === 0) return;
  const again = state.interrupted === run;
  state.interrupted = run;
  if (waiting) clearTimeout(waiting);
  if (again) {
    terminate(run);
    return;
  }
  waiting = setTimeout(() => {
    if (state.cooperative === run)
      waiting = setTimeout(() => terminate(run), COOPERATIVE_PATIENCE - PATIENCE);
    else terminate(run);
  }, PATIENCE);
}

function gone(): void {
  // The process leads its own group, so what cells have started is in it.
  try {
    process.kill(-process.pid, "SIGKILL");
  } catch {
    process.kill(process.pid, "SIGKILL");
  }
}

const pipe = new Socket({ fd: GUARD_FD, readable: true, writable: false });
pipe.on("data", (bytes: Buffer) => {
  for (let count = 0; count < bytes.length; count++) interrupt();
});
pipe.on("end", gone);
pipe.on("close", gone);
pipe.on("error", gone);
