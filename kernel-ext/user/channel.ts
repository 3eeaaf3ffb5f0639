/** Frames to the kernel, written at once and whole: nothing waits for an event loop that a cell may hold up. */
import { writeSync } from "node:fs";
import { encodeFrame, FRAMES_FD, type FromUser } from "../protocol.ts";

export function tell(message: FromUser): void {
  const frame = encodeFrame(message);
  for (let at = 0; at < frame.length; ) {
    try {
      at += writeSync(FRAMES_FD, frame, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") continue;
      // The kernel is gone: so goes the process of its cells.
      if ((error as NodeJS.ErrnoException).code === "EPIPE") process.kill(process.pid, "SIGKILL");
      throw error;
    }
  }
}
