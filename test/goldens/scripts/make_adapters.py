"""Goldens of adapters as PEFT makes them: rsLoRA, ranks and alphas that differ between modules, and adapters of some
modules only, told by layers, by exclusion and by a regular expression.

Folder adapters/NAME/ on the base family/nemo; adapters.safetensors: NAME.logits F32 [40, vocab] for the prompt of
family.safetensors.
"""

import shutil

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import MistralForCausalLM

from golden import arguments, save_tensors

TARGETS = ["q_proj", "k_proj", "up_proj"]
ADAPTERS = {
    "rslora": {"r": 4, "lora_alpha": 6, "use_rslora": True},
    "patterns": {
        "r": 2, "lora_alpha": 3,
        "rank_pattern": {"q_proj": 4, "model.layers.1.mlp.up_proj": 3}, "alpha_pattern": {"k_proj": 8},
    },
    "layers": {"r": 2, "lora_alpha": 3, "layers_to_transform": [1]},
    "exclude": {"r": 2, "lora_alpha": 3, "exclude_modules": ["layers.0.self_attn.q_proj", "up_proj"]},
    "regex": {"r": 2, "lora_alpha": 3, "target_modules": r".*\.(1\.mlp\.up|0\.self_attn\.[qo])_proj"},
}  # fmt: skip


def main():
    args = arguments(__doc__.splitlines()[0])
    ids = load_file(args.out / "family.safetensors")["ids"].long()
    shutil.rmtree(args.out / "adapters", ignore_errors=True)
    tensors = {}
    for name, settings in ADAPTERS.items():
        base = MistralForCausalLM.from_pretrained(args.out / "family/nemo", dtype=torch.float32)
        base.config._attn_implementation = "eager"
        plain = base(input_ids=ids[None], use_cache=False).logits[0].detach()
        model = get_peft_model(base, LoraConfig(lora_dropout=0.0, bias="none", task_type="CAUSAL_LM",
                                                **{"target_modules": TARGETS, **settings})).eval()  # fmt: skip
        model.peft_config["default"].base_model_name_or_path = "nemo"  # no path of this machine in the golden
        g = torch.Generator().manual_seed(5)
        with torch.no_grad():
            for key, parameter in sorted(model.named_parameters()):
                if ".lora_" in key:
                    parameter.copy_(0.1 * torch.randn(parameter.shape, generator=g))
            tensors[f"{name}.logits"] = model(input_ids=ids[None], use_cache=False).logits[0]
        assert (tensors[f"{name}.logits"] - plain).abs().max() > 0.1, "the adapter does nothing"
        model.save_pretrained(args.out / "adapters" / name, save_embedding_layers=False)
        (args.out / "adapters" / name / "README.md").unlink(missing_ok=True)
    save_tensors(args.out / "adapters.safetensors", tensors)


if __name__ == "__main__":
    main()
