/** Causal grouped-query attention in float64, one score at a time. */
export interface FormulaShape {
  heads: number;
  kvHeads: number;
  headDim: number;
  window: number;
  scale?: number;
}

/** Queries q [Q, heads*headDim] are the last Q positions of k, v [K, kvHeads*headDim]. */
export function attend(
  q: Float64Array,
  k: Float64Array,
  v: Float64Array,
  { heads, kvHeads, headDim, window, scale = 1 / Math.sqrt(headDim) }: FormulaShape,
): Float64Array {
  const queries = q.length / (heads * headDim);
  const keys = k.length / (kvHeads * headDim);
  const o = new Float64Array(q.length);
  for (let i = 0; i < queries; i++) {
    const position = keys - queries + i;
    const first = window > 0 ? Math.max(0, position - window + 1) : 0;
    for (let head = 0; head < heads; head++) {
      const qAt = (i * heads + head) * headDim;
      const kvHead = Math.floor(head / (heads / kvHeads));
      const scores: number[] = [];
      for (let j = first; j <= position; j++) {
        let dot = 0;
        for (let c = 0; c < headDim; c++) dot += q[qAt + c] * k[(j * kvHeads + kvHead) * headDim + c];
        scores.push(dot * scale);
      }
      const largest = Math.max(...scores);
      const weights = scores.map((s) => Math.exp(s - largest));
      const total = weights.reduce((a, b) => a + b, 0);
      weights.forEach((weight, n) => {
        const vAt = ((first + n) * kvHeads + kvHead) * headDim;
        for (let c = 0; c < headDim; c++) o[qAt + c] += (weight / total) * v[vAt + c];
      });
    }
  }
  return o;
}

/** `attend` inside each sequence of a packed row. */
export function attendPacked(
  q: Float64Array,
  k: Float64Array,
  v: Float64Array,
  shape: FormulaShape,
  cuSeqlens: Int32Array,
): Float64Array {
  const o = new Float64Array(q.length);
  const [wide, narrow] = [shape.heads * shape.headDim, shape.kvHeads * shape.headDim];
  for (let s = 0; s + 1 < cuSeqlens.length; s++) {
    const cut = (x: Float64Array, width: number) =>
      x.subarray(cuSeqlens[s] * width, cuSeqlens[s + 1] * width);
    o.set(attend(cut(q, wide), cut(k, narrow), cut(v, narrow), shape), cuSeqlens[s] * wide);
  }
  return o;
}
