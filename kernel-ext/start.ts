/** Joins the kernel with its sockets and with the signals of its process. */
import { randomUUID } from "node:crypto";
import { readConnection } from "./connection.ts";
import { Kernel } from "./kernel.ts";
import { Sockets } from "./sockets.ts";

/** Milliseconds between looks at whether the front end that started the kernel still lives. */
const PARENT_CHECK = 2000;

/** Listens until a shutdown is asked for. */
export async function startKernel(connectionFile: string): Promise<void> {
  const connection = readConnection(connectionFile);
  const session = randomUUID();
  const sockets = new Sockets(connection, session);
  const stop = async (kernel: Kernel) => {
    await kernel.close();
    await sockets.close();
    process.exit(0);
  };
  const kernel: Kernel = new Kernel(
    session,
    (channel, message) => void sockets.send(channel, message),
    () => void stop(kernel),
  );
  process.on("SIGINT", () => kernel.interrupt());
  process.on("SIGTERM", () => void stop(kernel));
  // Jupyter tells its process; when that is gone without a goodbye, nobody is left to ask for the end. Process 1 has
  // adopted a kernel whose starter was gone before the kernel could look.
  if (process.env.JPY_PARENT_PID) {
    const parent = process.ppid;
    const orphaned = () => process.ppid !== parent || (parent === 1 && process.env.JPY_PARENT_PID !== "1");
    setInterval(() => {
      if (orphaned()) void stop(kernel);
    }, PARENT_CHECK).unref();
  }
  await sockets.open((channel, message) => kernel.handle(channel, message));
}
