import assert from "node:assert/strict";
import { DISPLAY } from "../../sdk/views/bundle.ts";
import { type Chart, type Series, thin } from "../../sdk/views/chart.ts";
import { bars, figureBundle, histogram, lines } from "../../sdk/views/figure.ts";
import { plotly } from "../../sdk/views/plotly.ts";
import { draw, ticks } from "../../sdk/views/svg.ts";

function chart(series: Series[], rest: Partial<Chart> = {}): Chart {
  return { title: "Loss", xTitle: "step", yTitle: "nats", tickFormat: "", fromZero: false, series, ...rest };
}

/** The corners of each curve in the picture. */
function curves(svg: string): [number, number][][] {
  return [...svg.matchAll(/class="mlab-curve" d="([^"]*)"/g)].map(([, path]) =>
    [...path.matchAll(/[ML]([\d.-]+) ([\d.-]+)/g)].map(([, x, y]): [number, number] => [
      Number(x),
      Number(y),
    ]),
  );
}

describe("svg", () => {
  it("puts the points where the numbers say, within the panel", () => {
    const { svg, panels, width, height } = draw({
      charts: [chart([{ name: "a", x: [0, 5, 10], y: [1, 3, 2], style: "line" }])],
    });
    const [points] = curves(svg);
    const { left, top, width: wide, height: high } = panels[0];
    // A tenth of a pixel is what is written.
    const near = (a: number, b: number) => assert.ok(Math.abs(a - b) <= 0.06, `${a} and ${b}`);
    near(points[0][0], left);
    near(points[1][0], left + wide / 2);
    near(points[2][0], left + wide);
    // 5 % of the range 1 to 3 is free above and below.
    near(points[1][1], top + (high * 0.1) / 2.2);
    near(points[0][1], top + (high * 2.1) / 2.2);
    near(points[2][1], top + (high * 1.1) / 2.2);
    assert.ok(width > left + wide && height > top + high);
  });

  it("leaves a gap for what is not finite, and draws one point, equal values and none", () => {
    const broken = [1, Number.NaN, 2, Number.POSITIVE_INFINITY, 3, 4];
    const { svg } = draw({
      charts: [chart([{ name: "a", x: [0, 1, 2, 3, 4, 5], y: broken, style: "line" }])],
    });
    assert.equal(svg.match(/mlab-curve" d="([^"]*)"/)![1].match(/M/g)!.length, 3);
    for (const y of [[], [0], [2], [2, 2, 2], [Number.NaN]]) {
      const series: Series = { name: "a", x: y.map((_, i) => i), y, style: "points" };
      const drawn = draw({ charts: [chart([series])] }).svg;
      assert.ok(!/NaN|Infinity|undefined/.test(drawn), drawn);
    }
  });

  it("keeps a long curve small, with both of its ends", () => {
    const x = Array.from({ length: 50_000 }, (_, i) => i);
    const long: Series = { name: "a", x, y: x, style: "line" };
    const [points] = curves(draw({ charts: [chart([long])] }).svg);
    assert.ok(points.length <= 402, `${points.length}`);
    assert.deepEqual([thin(long, 100).x[0], thin(long, 100).x.at(-1)], [0, 49_999]);
    const bundle = figureBundle({ charts: [chart([long])] });
    assert.ok(JSON.stringify(bundle).length < 100_000, `${JSON.stringify(bundle).length}`);
  });

  it("marks axes with round numbers", () => {
    assert.deepEqual(ticks(0, 10, 5), [0, 2, 4, 6, 8, 10]);
    assert.deepEqual(ticks(0.13, 0.47, 3), [0.2, 0.4]);
    assert.deepEqual(ticks(-1, 1, 4), [-1, -0.5, 0, 0.5, 1]);
    assert.deepEqual(ticks(3, 3, 4), [3]);
  });

  it("puts what belongs to the figure into plotly's form as lines of text, which are no tags", () => {
    const series: Series = { name: "a", x: [1, 2], y: [3, 4], style: "line" };
    const words = { above: "step 2 of 4", below: [`<b>gras</b> ${"mot ".repeat(40)}`] };
    const of = (figure: Parameters<typeof plotly>[0]) => {
      const { layout } = plotly(figure);
      return layout as { annotations: { text: string }[]; height: number; margin: { b: number } };
    };
    const charts = [chart([series]), chart([series])];
    const [plain, full] = [of({ charts }), of({ charts, words })];
    const texts = full.annotations.map(({ text }) => text);
    assert.equal(texts[2], "step 2 of 4");
    const lines = texts[3].split("<br>");
    assert.equal(lines.length, 2);
    assert.ok(lines[0].startsWith("&lt;b>gras&lt;/b> mot"), lines[0]);
    assert.ok(full.height > plain.height && full.margin.b > plain.margin.b);
  });

  it("lets plotly mark whole layers only, and gives title and legend a line each", () => {
    const of = (figure: Parameters<typeof plotly>[0]) => {
      const { layout } = plotly(figure);
      return layout as { xaxis: { dtick?: number }; margin: { t: number }; legend: { y: number } };
    };
    const series = (x: number[]): Series => ({ name: "a", x, y: x, style: "line" });
    assert.equal(of({ charts: [chart([series([0, 1, 2, 3])])] }).xaxis.dtick, 1);
    // Steps of a run, and what is no whole number, are marked as plotly likes.
    assert.equal(of({ charts: [chart([series([0, 500, 1000])])] }).xaxis.dtick, undefined);
    assert.equal(of({ charts: [chart([series([0, 0.5])])] }).xaxis.dtick, undefined);
    const [one, two] = [1, 2].map((n) => of({ charts: [chart(Array(n).fill(series([0, 1])))] }));
    assert.ok(two.margin.t > one.margin.t);
    assert.equal(two.legend.y, 1);
  });

  it("tells plotly the same numbers, and leaves gaps as null", () => {
    const series: Series = { name: "a", x: [1, 2], y: [3, Number.NaN], style: "line" };
    const { data, layout } = plotly({ charts: [chart([series]), chart([series]), chart([series])] });
    assert.equal(data.length, 3);
    assert.deepEqual((data[0] as { y: unknown }).y, [3, null]);
    assert.deepEqual(
      data.map((trace) => (trace as { yaxis: string }).yaxis),
      ["y", "y2", "y3"],
    );
    assert.ok("yaxis3" in layout && "xaxis3" in layout);
  });
});

describe("plots", () => {
  it("come in four forms, and the page needs no network and no script", () => {
    const bundle = lines({ a: [1, 2, 4] }, { title: "Growth", x: "day", y: "cm" })[DISPLAY]();
    assert.deepEqual(Object.keys(bundle), [
      "text/plain",
      "text/html",
      "image/svg+xml",
      "application/vnd.plotly.v1+json",
    ]);
    const page = bundle["text/html"]!;
    assert.ok(!/https?:|<script|url\(/.test(page.replace("http://www.w3.org/2000/svg", "")));
    assert.match(page, /<i class="mlab-hit" title="day 1\na 2"/);
    assert.equal(bundle["text/plain"], "Growth, a: ▁▃█ 1 → 4");
  });

  it("count values into intervals of round width", () => {
    const [{ series }] = histogram([0, 1, 1, 2, 9, 10], { title: "n", bins: 5 }).charts;
    assert.deepEqual(
      [series[0].x, series[0].y],
      [
        [1, 3, 5, 7, 9, 11],
        [3, 1, 0, 0, 1, 1],
      ],
    );
    const whole = histogram([1, 1, 3], { title: "n" }).charts[0].series[0];
    assert.deepEqual(
      [whole.x, whole.y],
      [
        [1, 2, 3],
        [2, 0, 1],
      ],
    );
    assert.throws(
      () => histogram([Number.NaN], { title: "n" }),
      /expected at least one finite value, got none/,
    );
  });

  it("want one value for each bar", () => {
    assert.throws(
      () => bars(["a", "b"], { base: [1] }, { title: "x" }),
      /bars: expected 2 values of "base", one for each label, got 1/,
    );
    const bundle = bars(["a", "b"], [0.5, 1], { title: "Share", percent: true })[DISPLAY]();
    assert.match(String(bundle["image/svg+xml"]), />50 %</);
  });
});
