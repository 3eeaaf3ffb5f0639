import assert from "node:assert/strict";
import type { MimeBundle } from "../../sdk/views/bundle.ts";
import { DISPLAY } from "../../sdk/views/bundle.ts";
import { descriptionView } from "../../sdk/views/description.ts";
import { answersView, comparisonView, evaluationView } from "../../sdk/views/evaluation.ts";
import { bars, histogram, lines } from "../../sdk/views/figure.ts";
import { escapeHtml, html } from "../../sdk/views/html.ts";
import { modelView } from "../../sdk/views/model.ts";
import { dataView, repairView, tableView } from "../../sdk/views/table.ts";
import { tensorView } from "../../sdk/views/tensor.ts";
import { traceView } from "../../sdk/views/trace.ts";
import { eventView, trainingView } from "../../sdk/views/training.ts";
import { turnView } from "../../sdk/views/turn.ts";

/** What a model, a file or a customer could say to break a page, an attribute, a script or a picture. */
const EVIL = `"'><script>alert(1)</script><img src=x onerror=alert(2)>&lt;</style></svg>]]>\u0000\u001b[31m`;

const step = {
  type: "step",
  step: 1,
  steps: 2,
  epoch: 0.5,
  loss: 1,
  learningRate: 1e-4,
  tokensPerSecond: 10,
  secondsLeft: 1,
  memoryBytes: 1,
};
const answers = [{ instruction: EVIL, reference: EVIL, answer: EVIL, correct: false, stopped: false }];
const evaluation = { examples: 1, loss: 1, perplexity: 3, chrF: 1, expectedFact: 0, stopped: 0, answers };
const stage = (name: string, value: unknown) => ({
  stage: name,
  summary: EVIL,
  scores: { [EVIL]: 0.5 },
  evidence: [
    { rule: EVIL, text: EVIL, start: 0, end: 10 },
    { rule: EVIL, text: EVIL, start: -1, end: -1 },
  ],
  value,
  milliseconds: 1,
});
const trace = {
  query: EVIL,
  entries: [
    stage("categorise", { category: EVIL, confidence: 0.5 }),
    stage("entities", {}),
    stage("approach", { tone: EVIL }),
    stage("consistency", {
      consistent: false,
      score: 0,
      issues: [{ kind: EVIL, severity: EVIL, message: EVIL }],
    }),
    stage(EVIL, null),
  ],
  prompt: {
    question: EVIL,
    system: EVIL,
    tokens: 1,
    messagesKept: 1,
    messagesDropped: 1,
    reason: EVIL,
    retries: 1,
    fallback: true,
  },
  texts: { traceTitle: EVIL, stages: { entities: EVIL, prompt: EVIL } },
};
const turn = { question: EVIL, answer: EVIL, trace, tokens: 1, seconds: 1, aborted: true };
const report = {
  source: EVIL,
  facts: [[EVIL, EVIL]] as const,
  groups: [{ title: EVIL, rows: [[1, EVIL, EVIL]] as const }],
  text: EVIL,
};
const table = { columns: [EVIL, EVIL], rows: [[EVIL, 1]], facts: [[EVIL, EVIL]] as const, total: 9 };

const distribution = { min: 1, median: 1, mean: 1, p95: 1, max: 1, histogram: [{ from: 0, to: 1, rows: 1 }] };

const bundles: Record<string, MimeBundle> = {
  training: trainingView({
    total: 2,
    steps: [step, { ...step, step: 2 }],
    evaluations: [1, 2].map((at) => ({
      step: at,
      loss: 1,
      perplexity: 3,
      samples: [{ question: EVIL, answer: EVIL, reference: EVIL }],
    })),
    end: { reason: EVIL, seconds: 1 },
    notes: [EVIL],
  }),
  "training that has not begun": trainingView({ total: 2, steps: [], evaluations: [], notes: [EVIL] }),
  event: eventView({ ...step, type: EVIL, [EVIL]: EVIL, notes: [EVIL] } as { type: string }),
  trace: traceView(trace, EVIL, EVIL),
  turn: turnView(turn, { traceText: EVIL, open: true, notes: [EVIL] }),
  "turn that waits": turnView(turn, { waiting: EVIL }),
  description: descriptionView(
    {
      source: EVIL,
      rows: 1,
      characters: { instruction: distribution, response: distribution },
      tokens: distribution,
      languages: [{ language: EVIL, rows: 1 }],
      warnings: [EVIL],
    },
    EVIL,
  ),
  table: tableView(table),
  data: dataView(table, report),
  repairs: repairView(report),
  comparison: comparisonView({ [EVIL]: evaluation, other: evaluation }),
  evaluation: evaluationView(evaluation),
  answers: answersView(answers),
  tensor: tensorView({ name: EVIL, shape: [2], dtype: EVIL, values: [1, 2] }),
  model: modelView({
    source: EVIL,
    parameters: 1,
    bytes: 1,
    bfloat16Bytes: 2,
    trainable: 1,
    config: { [EVIL]: EVIL },
    lora: { [EVIL]: EVIL },
    parts: [{ name: EVIL, kind: EVIL, count: 1, shape: EVIL, bytes: 1, trainable: 1 }],
  }),
  bars: bars([EVIL, "b"], { [EVIL]: [1, 2], other: [3, 4] }, { title: EVIL, x: EVIL, y: EVIL })[DISPLAY](),
  lines: lines({ [EVIL]: [1, 2], other: [2, 1] }, { title: EVIL, x: EVIL, y: EVIL })[DISPLAY](),
  histogram: histogram([1, 2, 3], { title: EVIL, x: EVIL, y: EVIL })[DISPLAY](),
};

/** Every tag of a piece of HTML or SVG, with its attributes. */
function tags(text: string): string[] {
  return text.match(/<[a-z/!][^>]*>/gi) ?? [];
}

const OWN_TAGS =
  "div style span b p ul li table thead tbody tr th td details summary mark i img br pre svg g path text tspan rect circle".split(
    " ",
  );

describe("views, text that wants to be HTML", () => {
  it("escapes what a template is filled with, but not what a template made", () => {
    assert.equal(
      String(
        html`<p title="${'"'}">${"<b>"}${[html`<i>${"&"}</i>`, "<"]}${false}${undefined}${null}${0}</p>`,
      ),
      '<p title="&quot;">&lt;b&gt;<i>&amp;</i>&lt;0</p>',
    );
    assert.equal(escapeHtml("a\u001b[31mb\u0000"), "a\\x1b[31mb\\x00");
  });

  it("can be read where a front end takes the style sheet out", () => {
    for (const { "text/html": page } of Object.values(bundles)) {
      for (const [tag] of page!.matchAll(/<mark [^>]*>/g))
        assert.match(tag, /style="color:#\w{6};background:#\w{8}/);
      for (const [tag] of page!.matchAll(/<span class="mlab-bar"[^>]*>/g))
        assert.match(tag, /display:inline-block.*height:/);
      for (const [tag] of page!.matchAll(/<t[dh]\b[^>]*>/g)) assert.match(tag, /mlab-n|style="/);
    }
    const all = Object.values(bundles)
      .map((bundle) => bundle["text/html"]!)
      .join("");
    for (const part of ["<mark ", "mlab-bar", "<td"]) assert.ok(all.includes(part), part);
  });

  for (const [name, bundle] of Object.entries(bundles)) {
    it(`shows it as characters in every form of: ${name}`, () => {
      const page = bundle["text/html"]!;
      const image = page.match(/src="data:image\/svg\+xml;base64,([^"]*)"/)?.[1];
      const pictures = [bundle["image/svg+xml"], image && Buffer.from(image, "base64").toString()];
      for (const text of [page, ...pictures]) {
        if (text === undefined || text === "") continue;
        for (const tag of tags(text)) {
          const tagName = tag.match(/^<\/?([a-z]+)/i)?.[1] ?? tag;
          assert.ok(OWN_TAGS.includes(tagName), `${tag} is not ours`);
          assert.ok(!/\son\w+\s*=/i.test(tag.replace(/"[^"]*"/g, '""')), `${tag} has a handler`);
        }
        assert.ok(!text.includes("<script") && !text.includes("\u001b") && !text.includes("\u0000"));
        assert.equal(text.match(/<\/style>/g)?.length ?? 0, text.match(/<style>/g)?.length ?? 0);
      }
      assert.ok(page.includes("&lt;script&gt;alert(1)&lt;/script&gt;"), "the text itself is shown");
      const plotly = JSON.stringify(bundle["application/vnd.plotly.v1+json"] ?? {});
      assert.ok(!plotly.includes("<script"), "plotly reads tags in its texts");
      assert.ok(bundle["text/plain"].length > 0);
      assert.ok(!bundle["text/plain"].includes("\u001b"), "text/plain does not steer a terminal");
    });
  }
});
