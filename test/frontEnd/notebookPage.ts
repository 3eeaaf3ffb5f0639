/** A notebook open in the browser, as a person uses it: menus, buttons, cells. Jupyter Notebook 6. */
import { setTimeout as wait } from "node:timers/promises";
import type { Page } from "playwright-core";

export interface CellState {
  prompt: string;
  text: string;
  html: string;
}

export class NotebookPage {
  constructor(readonly page: Page) {}

  async open(url: string): Promise<void> {
    await this.page.goto(url);
    await this.page.waitForSelector("#notebook-container .cell", { timeout: 60_000 });
    // Filled once the kernel has answered.
    await this.page.waitForFunction(
      "Jupyter.notebook.kernel && Jupyter.notebook.kernel.info_reply.protocol_version",
      undefined,
      {
        timeout: 60_000,
      },
    );
  }

  async menu(menu: string, item: string): Promise<void> {
    await this.page.click(`#menubar a:text-is("${menu}")`);
    await this.page.click(item);
  }

  runAll(): Promise<void> {
    return this.menu("Cell", "#run_all_cells");
  }

  async clearOutputs(): Promise<void> {
    await this.page.evaluate("Jupyter.notebook.clear_all_output()");
  }

  /** The stop button of the tool bar. */
  async stop(): Promise<void> {
    await this.page.click('button[data-jupyter-action="jupyter-notebook:interrupt-kernel"]');
  }

  /** Index of the first code cell whose source holds the text. */
  async find(source: string): Promise<number> {
    const sources = (await this.page.evaluate(
      "Jupyter.notebook.get_cells().map((cell) => cell.get_text())",
    )) as string[];
    const at = sources.findIndex((text) => text.includes(source));
    if (at < 0) throw new Error(`no cell holds ${JSON.stringify(source)}`);
    return at;
  }

  async cell(index: number): Promise<CellState> {
    const cell = this.page.locator("#notebook-container > .cell").nth(index);
    const area = cell.locator(".output_wrapper");
    return {
      prompt: (await cell.locator(".input_prompt").first().innerText()).trim(),
      text: await area.innerText(),
      html: await area.innerHTML(),
    };
  }

  /** A new cell at the end, run with the button. */
  async run(source: string): Promise<number> {
    const index = (await this.page.evaluate(`(() => {
      const cell = Jupyter.notebook.insert_cell_at_bottom("code");
      cell.set_text(${JSON.stringify(source)});
      const index = Jupyter.notebook.find_cell_index(cell);
      Jupyter.notebook.select(index);
      return index;
    })()`)) as number;
    await this.page.click('button[data-jupyter-action="jupyter-notebook:run-cell-and-select-next"]');
    return index;
  }

  async scrollTo(index: number): Promise<void> {
    await this.page.evaluate(
      `Jupyter.notebook.get_cell(${index}).element[0].scrollIntoView({ block: "start" })`,
    );
  }

  /** The last lines of the cell's source and all of what it shows. */
  async scrollToOutput(index: number): Promise<void> {
    await this.page.evaluate(`(() => {
      const output = Jupyter.notebook.get_cell(${index}).element.find(".output_wrapper")[0];
      output.scrollIntoView({ block: "start" });
      document.querySelector("#site").scrollTop -= 90;
    })()`);
  }

  /** Looks at a cell until `test` holds. */
  async until(
    index: number,
    what: string,
    test: (state: CellState) => boolean,
    seconds = 120,
  ): Promise<CellState> {
    const end = Date.now() + 1000 * seconds;
    for (;;) {
      const state = await this.cell(index);
      if (test(state)) return state;
      if (Date.now() > end)
        throw new Error(
          `after ${seconds} s still not: ${what}; the cell shows ${state.prompt} ${state.text.slice(0, 2000)}`,
        );
      await wait(150);
    }
  }
}

/** A cell that has run to its end. */
export function finished({ prompt }: CellState): boolean {
  return /\[\d+\]/.test(prompt);
}
