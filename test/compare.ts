/** How far `actual` may lie from `expected`: |a - e| <= atol + rtol * |e|, element by element. */
export interface Tolerance {
  /** Share of the expected magnitude. Default 0. */
  rtol?: number;
  /** In the unit of the values. Default 0. */
  atol?: number;
  /** Names the compared thing in the error. */
  what: string;
}

/**
 * The one comparison of the tests. Lengths must be equal; NaN matches only NaN, an infinity only itself. Throws
 * an Error that names the worst element, both values, and how many elements are out of tolerance.
 */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  options: Tolerance,
): void {
  const { rtol = 0, atol = 0, what } = options;
  if (!(rtol >= 0) || !(atol >= 0))
    throw new Error(`${what}: rtol and atol must be >= 0, got ${rtol} and ${atol}`);
  if (actual.length !== expected.length) {
    throw new Error(`${what}: expected ${expected.length} elements, got ${actual.length}`);
  }
  let worst = -1;
  let worstExcess = 0;
  let wrong = 0;
  for (let i = 0; i < expected.length; i++) {
    const excess = excessOf(actual[i]!, expected[i]!, rtol, atol);
    if (excess <= 0) continue;
    wrong++;
    if (excess > worstExcess) {
      worstExcess = excess;
      worst = i;
    }
  }
  if (wrong === 0) return;
  throw new Error(
    `${what}: ${wrong} of ${expected.length} elements differ; worst at ${worst}: ` +
      `got ${actual[worst]}, expected ${expected[worst]} (rtol ${rtol}, atol ${atol})`,
  );
}

/** By how much the difference is over the tolerance; Infinity where a value that is not finite does not match. */
function excessOf(actual: number, expected: number, rtol: number, atol: number): number {
  if (Object.is(actual, expected) || actual === expected) return 0;
  if (!Number.isFinite(actual) || !Number.isFinite(expected)) return Infinity;
  return Math.abs(actual - expected) - (atol + rtol * Math.abs(expected));
}
