/** Whether the process that holds a lock still lives. */
import { readFileSync } from "node:fs";

/** False also for a zombie: it was killed and only waits for a parent to ask, which in a container may never happen. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives and belongs to someone else.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  const state = statFields(pid)?.[0];
  return state !== "Z" && state !== "X";
}

/**
 * When the process began, in clock ticks since boot: a later process with the same number began later. "" where nobody
 * tells (not Linux, or it is gone).
 */
export function startTime(pid: number): string {
  return statFields(pid)?.[19] ?? "";
}

/** The fields of /proc/PID/stat after the program's name, which stands in brackets and may hold spaces. */
function statFields(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
