/**
 * Runs converted cells on tslab's executor: it keeps the variables of all cells, calls the code with them, and tells
 * what came out through the console that it is given. The converting has been done in the kernel's process, so its
 * converter here only hands out what came from there.
 */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import type { Executor } from "tslab/dist/executor.js";
import type { RunRequest } from "../protocol.ts";
import type { Cell } from "./cell.ts";
import { addSource } from "./errors.ts";

const require = createRequire(import.meta.url);

export type Outcome = { ok: true; value: unknown; hasValue: boolean } | { ok: false; error: unknown };

type Require = (id: string) => unknown;

/** tslab's executor without the compiler: it asks that only for marks in comments, and loading it takes 0.2 s. */
function loadTslab(): typeof import("tslab/dist/executor.js") {
  const tslab = createRequire(require.resolve("tslab/package.json"));
  const metadata = tslab.resolve("./dist/metadata.js");
  require.cache[metadata] = { exports: { getCodeMetadata: () => ({}) } } as unknown as NodeJS.Module;
  return tslab("./dist/executor.js") as typeof import("tslab/dist/executor.js");
}

export class CellExecutor {
  readonly #tslab: Executor;
  #request: RunRequest | undefined;
  #outcome: Outcome = { ok: true, value: undefined, hasValue: false };
  /** Modules that only `import` can load. */
  readonly #asynchronous = new Map<string, unknown>();
  readonly #projectRequire: NodeJS.Require;

  constructor(directory = process.cwd()) {
    const { createExecutor, createRequire: requireFrom } = loadTslab();
    const converter = { convert: () => this.#convert() };
    this.#tslab = createExecutor(
      directory,
      { node: converter } as unknown as Parameters<typeof createExecutor>[1],
      {
        // The executor says a last expression's value here …
        log: (value: unknown) => {
          this.#outcome = { ok: true, value, hasValue: true };
        },
        // … and here what the code has thrown.
        error: (error: unknown) => {
          this.#outcome = { ok: false, error };
        },
      },
    );
    this.#projectRequire = requireFrom(directory);
    this.#extendRequire();
  }

  async run(cell: Cell): Promise<Outcome> {
    this.#request = cell.request;
    this.#outcome = { ok: true, value: undefined, hasValue: false };
    addSource(cell.request);
    try {
      await this.#load(cell.request.converted.imports);
      await this.#tslab.execute("");
    } catch (error) {
      return { ok: false, error };
    }
    return this.#outcome;
  }

  /** Lets go of a cell that waits for something. */
  interrupt(): void {
    this.#tslab.interrupt();
  }

  #convert() {
    const { converted, name } = this.#request!;
    return {
      ...converted,
      // A line of its own keeps the columns of the first line; the name is what stacks show.
      output: `\n${converted.output}\n//# sourceURL=${name}`,
      declOutput: "",
      diagnostics: [],
    };
  }

  /** The SDK is the one that the kernel belongs to, in every folder. */
  #resolve(id: string): string {
    return id === "mistral-lab" ? require.resolve("mistral-lab") : id;
  }

  /** Modules with a top-level await cannot be required: they are imported before the cell that names them runs. */
  async #load(imports: readonly string[]): Promise<void> {
    for (const id of imports) {
      try {
        (globalThis as unknown as { __tslab__: { require: Require } }).__tslab__.require(id);
      } catch (error) {
        // Anything else is the cell's to meet, in its place.
        if ((error as NodeJS.ErrnoException).code !== "ERR_REQUIRE_ASYNC_MODULE") continue;
        const resolved = this.#projectRequire.resolve(this.#resolve(id));
        this.#asynchronous.set(id, await import(pathToFileURL(resolved).href));
      }
    }
  }

  #extendRequire(): void {
    const shared = (globalThis as unknown as { __tslab__: { require: Require } }).__tslab__;
    const original = shared.require;
    shared.require = new Proxy(original, {
      apply: (_, self, [id]: [string]) =>
        this.#asynchronous.get(id) ?? Reflect.apply(original, self, [this.#resolve(id)]),
    });
  }
}
