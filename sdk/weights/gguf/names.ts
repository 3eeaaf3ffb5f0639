/**
 * GGUF's names for the tensors of Llama-shaped models, and the order of rows in its query and key projections:
 * llama.cpp turns neighbouring values of a head, Hugging Face value i with value i + headDim / 2.
 */

const PARTS: Record<string, string> = {
  input_layernorm: "attn_norm",
  post_attention_layernorm: "ffn_norm",
  "self_attn.q_proj": "attn_q",
  "self_attn.k_proj": "attn_k",
  "self_attn.v_proj": "attn_v",
  "self_attn.o_proj": "attn_output",
  "mlp.gate_proj": "ffn_gate",
  "mlp.up_proj": "ffn_up",
  "mlp.down_proj": "ffn_down",
};
const WHOLE: Record<string, string> = {
  "model.embed_tokens": "token_embd",
  "model.norm": "output_norm",
  lm_head: "output",
};

/**
 * "blk.3.attn_q.weight" for "model.layers.3.self_attn.q_proj.weight".
 *
 * @throws when the model family has no tensor of that name
 */
export function ggufName(name: string): string {
  const module = name.replace(/\.weight$/, "");
  if (module in WHOLE) return `${WHOLE[module]}.weight`;
  const [, layer, part] = /^model\.layers\.(\d+)\.(.+)$/.exec(module) ?? [];
  if (part in PARTS) return `blk.${layer}.${PARTS[part]}.weight`;
  throw new Error(`GGUF has no name for the tensor "${name}"`);
}

const PART_OF = new Map(Object.entries(PARTS).map(([part, name]) => [name, part]));
const WHOLE_OF = new Map(Object.entries(WHOLE).map(([module, name]) => [name, module]));

/** The way back; undefined for a name that `ggufName` does not give. */
export function nameOfGguf(name: string): string | undefined {
  const [, layer, part] = /^(?:blk\.(\d+)\.)?(\w+)\.weight$/.exec(name) ?? [];
  const module = layer === undefined ? WHOLE_OF.get(part) : PART_OF.get(part);
  if (!module) return undefined;
  return layer === undefined ? `${module}.weight` : `model.layers.${layer}.${module}.weight`;
}

/** The two projections whose rows GGUF orders in its own way; undefined for all other tensors. */
export function rotatedProjection(name: string): "q_proj" | "k_proj" | undefined {
  return (["q_proj", "k_proj"] as const).find((projection) =>
    name.endsWith(`self_attn.${projection}.weight`),
  );
}

/**
 * Moves rows between the two orders: row i of the first half of a head stands at 2i in GGUF, row i of the second half
 * at 2i + 1.
 *
 * @param bytes of `heads` heads of the same number of rows, which is even
 * @param to the order that is wanted
 */
export function reorderRows(bytes: Uint8Array, rows: number, heads: number, to: "gguf" | "hf"): Uint8Array {
  const rowBytes = bytes.byteLength / rows;
  const headRows = rows / heads;
  const moved = new Uint8Array(bytes.byteLength);
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < headRows; i++) {
      const hf = head * headRows + i;
      const gguf = head * headRows + (i < headRows / 2 ? 2 * i : 2 * (i - headRows / 2) + 1);
      const [from, at] = to === "gguf" ? [hf, gguf] : [gguf, hf];
      moved.set(bytes.subarray(from * rowBytes, (from + 1) * rowBytes), at * rowBytes);
    }
  }
  return moved;
}
