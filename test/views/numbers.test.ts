import assert from "node:assert/strict";
import { bytes, clock, duration, number, percent, short } from "../../sdk/views/numbers.ts";

describe("numbers for people", () => {
  it("sizes have three digits, in powers of 1024", () => {
    const sizes: [number, string][] = [
      [0, "0 B"],
      [1023, "1023 B"],
      [1024, "1.00 KiB"],
      [3480, "3.40 KiB"],
      [9.996 * 1024, "10.0 KiB"],
      [1023.6 * 1024, "1.00 MiB"],
      [15_700_000, "15.0 MiB"],
      [12 * 2 ** 20, "12.0 MiB"],
      [14.5e9, "13.5 GiB"],
      [2.5e12, "2.27 TiB"],
      [-2048, "-2.00 KiB"],
    ];
    for (const [count, text] of sizes) assert.equal(bytes(count), text);
  });

  it("times run as on a clock, or are over", () => {
    assert.deepEqual([0, 48.4, 125, 3800, Number.NaN].map(clock), ["0:00", "0:48", "2:05", "1:03:20", "–"]);
    assert.deepEqual([0.44, 9.97, 48.4, 59.6, 125, 3599.7, 3800].map(duration), [
      "0.4 s",
      "10 s",
      "48 s",
      "1:00 min",
      "2:05 min",
      "1:00:00 h",
      "1:03:20 h",
    ]);
  });

  it("shares are percents, and what is no number is a dash", () => {
    assert.deepEqual(
      [percent(0.4567), number(null), number(Number.NaN), number(-1 / 0)],
      ["45.7 %", "–", "–", "−∞"],
    );
    assert.deepEqual([short(12_345), short(0.01234), short(0.0002)], ["12,345", "0.01234", "2.0e-4"]);
  });
});
