/**
 * The notebooks in a real front end: Debian's jupyter-notebook and chromium. Not a part of `npm test`; CI runs it with
 * `npm run test:frontend`. Screenshots go to docs/images with MISTRAL_LAB_SCREENSHOTS=1, otherwise to build/frontEnd.
 */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type Browser, chromium, type Page } from "playwright-core";
import { type CellState, finished, NotebookPage } from "./notebookPage.ts";
import { NotebookServer } from "./server.ts";

const root = join(import.meta.dirname, "..", "..");
const images = process.env.MISTRAL_LAB_SCREENSHOTS
  ? join(root, "docs", "images")
  : join(root, "build", "frontEnd", "images");

/** Steps in the figure of a training cell, as a person reads them: "step 123 of 2,052". */
function stepsShown(text: string): number {
  return Number(text.match(/step\s+([\d,]+) of/)?.[1].replaceAll(",", "") ?? 0);
}

/** Corners of the curves that are drawn. */
function points(html: string): number {
  return [...html.matchAll(/class="mlab-curve" d="([^"]*)"/g)].reduce(
    (sum, [, d]) => sum + d.split(/[ML]/).length,
    0,
  );
}

describe("notebook in the browser", () => {
  let server: NotebookServer;
  let browser: Browser;
  let page: Page;
  let notebook: NotebookPage;

  before(async () => {
    server = await NotebookServer.start();
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      // As root, as in CI's containers, chromium has no sandbox.
      args: ["--no-sandbox"],
    });
    page = await browser.newPage({ viewport: { width: 1180, height: 940 } });
    notebook = new NotebookPage(page);
    mkdirSync(images, { recursive: true });
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  it("runs 03-fine-tune: the figure grows in its place while the cell runs", async () => {
    await notebook.open(`${server.url}/notebooks/03-fine-tune.ipynb`);
    await notebook.clearOutputs();
    await notebook.runAll();
    const training = await notebook.find("for await (const event of train(");
    const first = await notebook.until(training, "a figure", ({ html }) => points(html) > 10);
    assert.match(first.prompt, /\[\*\]/, "the cell is running");
    const second = await notebook.until(
      training,
      "a figure with more points",
      ({ html, text }) => points(html) > points(first.html) && stepsShown(text) > stepsShown(first.text),
    );
    assert.match(second.prompt, /\[\*\]/);
    assert.equal(
      second.html.match(/class="mlab-figure"/g)?.length,
      1,
      "one figure, drawn again in its place",
    );
    await notebook.until(training, "a sample answer", ({ html }) => html.includes("What it answers at step"));
    await notebook.scrollToOutput(training);
    await wait(300);
    await page.screenshot({ path: join(images, "training-live.png") });
  });

  it("stops the training at the stop button, and the next cell works", async () => {
    const training = await notebook.find("for await (const event of train(");
    const before = await notebook.cell(training);
    assert.match(before.prompt, /\[\*\]/, "still running");
    await notebook.stop();
    const stopped = await notebook.until(
      training,
      "stopped",
      (state) => finished(state) && /stopped/.test(state.text),
      30,
    );
    assert.ok(stepsShown(stopped.text) > 0);
    const next = await notebook.run("examples.length + 1");
    const { text } = await notebook.until(next, "an answer", finished, 30);
    assert.match(text, /\d{3,}/, "variables are alive");
  });

  it("goes on from the checkpoint of the stopped run, drawn from its beginning", async () => {
    const training = await notebook.find("for await (const event of train(");
    const stoppedAt = stepsShown((await notebook.cell(training)).text);
    const again = await notebook.run("await live(train(model, examples, { ...recipe, resume: true }))");
    const grown = ({ text }: CellState) => stepsShown(text) > stoppedAt + 50;
    const { text } = await notebook.until(again, "more steps than before", grown);
    assert.match(text, /goes on from runs\/shop\/checkpoint-\d+/);
    const figure = '.output_area.outputs[0].data["application/vnd.plotly.v1+json"]';
    assert.equal(await page.evaluate(`Jupyter.notebook.get_cell(${again})${figure}.data[0].x[0]`), 1);
    await notebook.stop();
    const done = await notebook.until(
      again,
      "stopped",
      (state) => finished(state) && /stopped/.test(state.text),
      30,
    );
    assert.match(done.html, /<img src="data:image\/svg/);
    await notebook.scrollTo(again);
    await wait(300);
    await page.screenshot({ path: join(images, "training-resumed.png") });
    const saved = await notebook.run('await model.save("runs/shop");');
    await notebook.until(saved, "saved", finished, 30);
  });

  it("asks through the input field", async () => {
    const index = await notebook.run('const answer = await prompt("How many days?");\nanswer + " days"');
    const field = page.locator("#notebook-container > .cell").nth(index).locator(".raw_input");
    await field.waitFor({ timeout: 30_000 });
    await field.fill("45");
    await field.press("Enter");
    const { text } = await notebook.until(index, "an answer", finished, 30);
    assert.match(text, /45 days/);
  });

  it("chats: the answer streams, the reasoning unfolds", async () => {
    await notebook.open(`${server.url}/notebooks/05-chat-and-reasoning.ipynb`);
    await notebook.clearOutputs();
    await notebook.runAll();
    const said = await notebook.find("await chat.say(");
    const turn = await notebook.until(said, "an answer", finished, 300);
    assert.match(turn.html, /<details><summary>/, "folded");
    assert.equal(turn.html.match(/class="mlab"/g)?.length, 1, "no draft of the answer is left");
    const cell = page.locator("#notebook-container > .cell").nth(said);
    await cell.locator("summary").first().click();
    for (const stage of ["Catégorie", "Entités", "Contexte"])
      await cell.locator("summary", { hasText: stage }).first().click();
    await notebook.scrollTo(said);
    await wait(300);
    await page.screenshot({ path: join(images, "chat-reasoning.png") });
    const chat = await notebook.find(".interactive(");
    const input = page.locator("#notebook-container > .cell").nth(chat).locator(".raw_input");
    for (const line of ["Combien pèse la brouette Hirondelle ?", "quitter"]) {
      await input.waitFor({ timeout: 60_000 });
      await input.fill(line);
      await input.press("Enter");
      await wait(200);
    }
    const talked = await notebook.until(chat, "the end of the chat", finished, 60);
    assert.match(talked.html, /<details open(="")?><summary>/, "debug shows the reasoning unfolded");
    await notebook.scrollTo(chat);
    await wait(300);
    await page.screenshot({ path: join(images, "chat-interactive.png") });
  });

  it("shows the plots of a notebook that is opened again, without a network and untrusted", async () => {
    const context = await browser.newContext({ viewport: { width: 1180, height: 900 } });
    const offline = await context.newPage();
    const foreign: string[] = [];
    await offline.route("**/*", (route) => {
      const url = route.request().url();
      if (url.startsWith(server.url) || url.startsWith("data:")) return route.continue();
      foreign.push(url);
      return route.abort();
    });
    // Of the repository: with the outputs that were committed.
    await offline.goto(`${server.url}/notebooks/04-evaluate.ipynb`);
    await offline.waitForSelector(".output_area img", { timeout: 60_000 });
    const widths = (await offline.$$eval(".output_area img", (list) =>
      list.map((image) => (image as unknown as { naturalWidth: number }).naturalWidth),
    )) as number[];
    assert.ok(widths.length >= 3 && widths.every((width) => width > 500), `${widths}`);
    assert.deepEqual(foreign, []);
    await context.close();
  });

  it("looks at home in the dark", async () => {
    const index = await notebook.find("reasoning.analyse(");
    await page.addStyleTag({
      content:
        "body,#site,#notebook,#notebook-container,.cell,div.input_area,.rendered_html{background:#111!important;color:#ddd!important;box-shadow:none!important}.CodeMirror,.CodeMirror pre{background:#1b1b1b!important;color:#ddd!important}",
    });
    const cell = page.locator("#notebook-container > .cell").nth(index);
    for (const summary of await cell.locator("summary").all()) await summary.click();
    await notebook.scrollTo(index);
    await wait(300);
    await page.screenshot({ path: join(images, "reasoning-dark.png") });
    const colours = (await page.evaluate(`(() => {
      const mark = Jupyter.notebook.get_cell(${index}).element.find("mark")[0];
      const { color, backgroundColor } = getComputedStyle(mark);
      return [color, backgroundColor];
    })()`)) as string[];
    // The text keeps the page's colour, and the mark lets the page shine through.
    assert.equal(colours[0], "rgb(221, 221, 221)");
    assert.match(colours[1], /rgba\(.*0\.2/);
  });
});
