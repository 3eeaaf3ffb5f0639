"""Goldens of every architecture of the family: logits and greedy tokens of tiny random models.

Folder family/NAME/ for each: config.json and bfloat16 weights as transformers saves them. Their shapes are as odd as
the real ones: heads that do not fill the hidden size (Nemo), three query heads a key head (SmolLM2), a window shorter
than the prompt, an old length shorter than the prompt where angles are stretched.
family.safetensors:
  ids I32 [40]                 the prompt
  NAME.logits F32 [40, vocab]  of the prompt, computed in float32
  NAME.greedy I32 [32]         greedy continuation; NAME.greedy_margin F32 [32]: best logit less the second best
family.json: versions.
"""

import json
import shutil

import torch
from transformers import LlamaConfig, LlamaForCausalLM, MinistralConfig, MinistralForCausalLM
from transformers import MistralConfig, MistralForCausalLM

from golden import arguments, save_json, save_tensors, versions

PROMPT = 40
COMMON = {
    "vocab_size": 288, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "rms_norm_eps": 1e-5, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None,
    "max_position_embeddings": 256,
}  # fmt: skip


def rope(theta, kind="default", **rest):
    return {"rope_type": kind, "rope_theta": theta, **rest}


MISTRAL, MINISTRAL, LLAMA = (
    (MistralConfig, MistralForCausalLM), (MinistralConfig, MinistralForCausalLM), (LlamaConfig, LlamaForCausalLM),
)  # fmt: skip
FAMILY = {
    "mistral-v0.1": (MISTRAL, {"sliding_window": 8, "rope_parameters": rope(1e4)}),
    "mistral-v0.2": (MISTRAL, {"sliding_window": None, "rope_parameters": rope(1e6)}),
    "mistral-v0.3": (MISTRAL, {"sliding_window": None, "rope_parameters": rope(1e6), "vocab_size": 320}),
    "nemo": (MISTRAL, {"sliding_window": None, "head_dim": 12, "rope_parameters": rope(1e6)}),
    "ministral": (MINISTRAL, {
        "sliding_window": 8, "head_dim": 16, "rope_parameters": rope(1e6),
        "layer_types": ["full_attention", "sliding_attention"],
    }),
    "tinyllama": (LLAMA, {"num_attention_heads": 8, "num_key_value_heads": 1, "rope_parameters": rope(1e4)}),
    "smollm2": (LLAMA, {
        "hidden_size": 36, "num_attention_heads": 9, "num_key_value_heads": 3, "rope_parameters": rope(1e5),
        "tie_word_embeddings": True,
    }),
    "llama-3.2": (LLAMA, {
        "head_dim": 16, "tie_word_embeddings": True, "eos_token_id": [2, 7],
        "rope_parameters": rope(5e2, "llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                original_max_position_embeddings=16),
    }),
    "llama-linear": (LLAMA, {"rope_parameters": rope(1e4, "linear", factor=4.0)}),
    "mistral-yarn": (MISTRAL, {
        "sliding_window": None, "head_dim": 16,
        "rope_parameters": rope(1e4, "yarn", factor=16.0, original_max_position_embeddings=16),
    }),
}  # fmt: skip


def random_model(name, seed):
    (config_class, model_class), changes = FAMILY[name]
    config = config_class(**{**COMMON, **changes})
    config._attn_implementation = "eager"  # the plain formula, in float32
    model = model_class(config).to(torch.float32).eval()
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter_name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=g, dtype=torch.float32)
            # Large enough that attention is far from uniform, so that windows and angles tell.
            value = 1 + 0.1 * noise if parameter_name.endswith("norm.weight") else 0.25 * noise
            parameter.copy_(value.to(torch.bfloat16).float())
    return model


def greedy(model, ids, steps=32):
    ids, margins = ids.tolist(), []
    for _ in range(steps):
        with torch.no_grad():
            best = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].topk(2)
        margins.append(float(best.values[0] - best.values[1]))
        ids.append(int(best.indices[0]))
    return torch.tensor(ids[-steps:], dtype=torch.int32), torch.tensor(margins)


def main():
    args = arguments(__doc__.splitlines()[0])
    torch.use_deterministic_algorithms(True)
    shutil.rmtree(args.out / "family", ignore_errors=True)
    g = torch.Generator().manual_seed(7)
    ids = torch.cat([torch.tensor([1]), torch.randint(8, 288, (PROMPT - 1,), generator=g)])
    tensors = {"ids": ids.to(torch.int32)}
    for name in FAMILY:
        # A seed whose greedy choices are all clear: the tokens can only agree or be wrong.
        for seed in range(1, 200):
            model = random_model(name, seed)
            tokens, margins = greedy(model, ids)
            if margins.min() > 5e-3 and len(set(tokens.tolist())) > 8:
                break
        else:
            raise SystemExit(f"{name}: every seed is undecided somewhere")
        with torch.no_grad():
            tensors[f"{name}.logits"] = model(input_ids=ids[None], use_cache=False).logits[0]
        tensors[f"{name}.greedy"], tensors[f"{name}.greedy_margin"] = tokens, margins
        folder = args.out / "family" / name
        model.to(torch.bfloat16).save_pretrained(folder)
        (folder / "generation_config.json").unlink(missing_ok=True)
        settings = json.loads((folder / "config.json").read_text())
        print(f"{name}: seed {seed}, smallest margin {float(margins.min()):.4f}, {settings.get('rope_parameters')}")
    save_tensors(args.out / "family.safetensors", tensors)
    save_json(args.out / "family.json", {"versions": versions()})


if __name__ == "__main__":
    main()
