/** The kernel's process: `node main.js CONNECTION_FILE`, as the kernelspec has it. */
import { startKernel } from "./start.ts";

await startKernel(process.argv[2]);
