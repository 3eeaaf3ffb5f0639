/** A Jupyter Notebook server of Debian's package, with this package's kernel, in a folder of its own. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

const root = join(import.meta.dirname, "..", "..");

export class NotebookServer {
  private constructor(
    readonly url: string,
    /** Where the notebooks lie; what they write lands here and not in the repository. */
    readonly folder: string,
    private readonly process: ChildProcess,
  ) {}

  /** Installs the kernel, copies the notebooks and starts the server. */
  static async start(): Promise<NotebookServer> {
    // Inside the package, so that the notebooks find it by its name, and the data beside them.
    const home = join(root, "build", "frontEnd");
    const folder = join(home, "notebooks");
    rmSync(home, { recursive: true, force: true });
    mkdirSync(home, { recursive: true });
    cpSync(join(root, "notebooks"), folder, { recursive: true, filter: (path) => !path.endsWith("/runs") });
    symlinkSync(join(root, "data"), join(home, "data"));
    const cli = join(root, "dist", "sdk", "cli", "main.js");
    const install = spawnSync(process.execPath, [cli, "kernel", "install", "--prefix", home], {
      encoding: "utf8",
    });
    if (install.status !== 0) throw new Error(`kernel install failed: ${install.stdout}${install.stderr}`);
    const port = await freePort();
    const options = [
      "--no-browser",
      "--allow-root",
      "--ip=127.0.0.1",
      `--port=${port}`,
      `--notebook-dir=${folder}`,
    ];
    // Without a password: it listens to this machine only, for the minutes of the test.
    options.push("--NotebookApp.token=", "--NotebookApp.password=");
    const server = spawn("jupyter-notebook", options, {
      env: {
        ...process.env,
        JUPYTER_PATH: join(home, "share", "jupyter"),
        JUPYTER_RUNTIME_DIR: join(home, "runtime"),
        JUPYTER_CONFIG_DIR: join(home, "config"),
        JUPYTER_DATA_DIR: join(home, "data-dir"),
      },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let log = "";
    server.stderr!.on("data", (text) => {
      log += text;
    });
    const url = `http://127.0.0.1:${port}`;
    for (let tries = 0; tries < 120; tries++) {
      if (server.exitCode !== null) break;
      const answer = await fetch(`${url}/api/kernelspecs`).catch(() => undefined);
      if (answer?.ok) {
        const { kernelspecs } = (await answer.json()) as { kernelspecs: object };
        if ("mistral-lab" in kernelspecs) return new NotebookServer(url, folder, server);
        log += `kernels: ${Object.keys(kernelspecs)}`;
        break;
      }
      await wait(500);
    }
    server.kill();
    throw new Error(`jupyter-notebook did not start with the kernel "mistral-lab": ${log}`);
  }

  /** Ids of the kernels that run. */
  async kernels(): Promise<string[]> {
    const answer = await fetch(`${this.url}/api/kernels`);
    return ((await answer.json()) as { id: string }[]).map(({ id }) => id);
  }

  async stop(): Promise<void> {
    for (const id of await this.kernels()) await fetch(`${this.url}/api/kernels/${id}`, { method: "DELETE" });
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill("SIGTERM");
    await ended;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
