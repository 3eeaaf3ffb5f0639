"""Goldens of GGUF files, made with the `gguf` package of llama.cpp.

gguf.safetensors: for each block type T
  T.bytes U8, T.values F32   random blocks and what they mean
  T.source F32, T.encoded U8 for types that we write: values, and the bytes that they are rounded to
gguf/NAME-TYPE.gguf: models of family/ as llama.cpp's converter would write them (rows of q and k in its order,
  angles of Llama 3 as a tensor), with a byte-level tokenizer; their logits are those of family.safetensors.
"""

import json
import shutil
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Q
from safetensors.torch import load_file

from golden import arguments, save_tensors

TOKENIZER = Path(__file__).resolve().parents[2] / "fixtures/tokenizer/byteLevel/tokenizer.json"
MODELS = (("nemo", Q.F16), ("mistral-v0.2", Q.F32), ("llama-3.2", Q.BF16))
NAMES = {
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}  # fmt: skip
WHOLE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def name_of(name):
    module = name.removesuffix(".weight")
    if module in WHOLE:
        return f"{WHOLE[module]}.weight"
    _, _, layer, part = module.split(".", 3)
    return f"blk.{layer}.{NAMES[part]}.weight"


def permuted(weight, heads):
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(weight.shape)


def blocks(kind, count, rng):
    """Random bytes whose 16-bit scales are of a sane size."""
    size, bytes_ = gguf.GGML_QUANT_SIZES[kind]
    data = rng.integers(0, 256, (count, bytes_), dtype=np.uint8)
    scales = {Q.Q4_0: [0], Q.Q8_0: [0], Q.Q4_K: [0, 2], Q.Q6_K: [208]}[kind]
    for at in scales:
        half = (rng.standard_normal(count) * 0.1).astype(np.float16)
        data[:, at : at + 2] = half.view(np.uint8).reshape(count, 2)
    return data.reshape(1, -1)


def write_model(path, folder, kind):
    config = json.loads((folder / "config.json").read_text())
    rope = config["rope_parameters"]
    writer = gguf.GGUFWriter(str(path), "llama")
    head_dim = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_rope_dimension_count(head_dim)
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    tokenizer = json.loads(TOKENIZER.read_text())
    vocab = sorted(tokenizer["model"]["vocab"], key=tokenizer["model"]["vocab"].get)
    special = {token["id"] for token in tokenizer["added_tokens"]}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(vocab)
    writer.add_token_types([3 if i in special else 1 for i in range(len(vocab))])
    writer.add_token_merges(tokenizer["model"]["merges"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template("{{ bos_token }}{% for m in messages %}{{ m['content'] + eos_token }}{% endfor %}")
    if rope["rope_type"] == "llama3":
        theta = rope["rope_theta"] ** -(np.arange(0, head_dim, 2, dtype=np.float64) / head_dim)
        old, low, high = (rope[k] for k in ("original_max_position_embeddings", "low_freq_factor", "high_freq_factor"))
        share = np.clip((old * theta / (2 * np.pi) - low) / (high - low), 0, 1)
        factors = 1 / (share + (1 - share) / rope["factor"])
        writer.add_tensor("rope_freqs.weight", factors.astype(np.float32))
    for name, tensor in load_file(folder / "model.safetensors").items():
        values = tensor.float().numpy()
        for part, heads in (("q_proj", config["num_attention_heads"]), ("k_proj", config["num_key_value_heads"])):
            if part in name:
                values = permuted(values, heads)
        stored = Q.F32 if values.ndim == 1 else kind
        writer.add_tensor(name_of(name), gguf.quants.quantize(values, stored), raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(f"{path.name}: {path.stat().st_size} bytes")


def main():
    args = arguments(__doc__.splitlines()[0])
    rng = np.random.default_rng(3)
    tensors = {}
    for kind in (Q.Q4_0, Q.Q8_0, Q.Q4_K, Q.Q6_K):
        data = blocks(kind, 6, rng)
        tensors[f"{kind.name}.bytes"] = torch.from_numpy(data.copy())
        tensors[f"{kind.name}.values"] = torch.from_numpy(gguf.quants.dequantize(data, kind).astype(np.float32))
    # Ties, zeros, one large value, and blocks of both signs.
    source = rng.standard_normal((4, 64)).astype(np.float32)
    source[0, :32] = 0
    source[1] = np.round(source[1] * 16) / 16
    source[2, 5] = -300
    for kind in (Q.F16, Q.Q4_0, Q.Q8_0):
        tensors[f"{kind.name}.source"] = torch.from_numpy(source)
        encoded = gguf.quants.quantize(source, kind)
        tensors[f"{kind.name}.encoded"] = torch.from_numpy(np.ascontiguousarray(encoded).view(np.uint8).copy())
    save_tensors(args.out / "gguf.safetensors", tensors)
    shutil.rmtree(args.out / "gguf", ignore_errors=True)
    (args.out / "gguf").mkdir()
    for name, kind in MODELS:
        write_model(args.out / "gguf" / f"{name}-{kind.name.lower()}.gguf", args.out / "family" / name, kind)


if __name__ == "__main__":
    main()
