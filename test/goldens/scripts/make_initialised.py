"""Golden of training in bfloat16: a Mistral as transformers initialises and saves it, and its LoRA gradients.

tiny-mistral (make_mistral.py) has weights four times as large, which shows mistakes of float32 well; in bfloat16 their
rounding grows from layer to layer. Here weights and adapter are as a training meets them.

  initialised/                  4 layers, bfloat16, as MistralForCausalLM(config).save_pretrained leaves them
  initialised.safetensors:
    ids, labels, positions I32 [T], cu_seqlens I32 [3]   as in mistral.safetensors
    MODULE.lora_A, MODULE.lora_B                         LoRA r 8, alpha 16: A as PEFT starts it, B of the weights' size
    grad.MODULE.lora_A, grad.MODULE.lora_B               gradients of the loss, computed in float32
  initialised.json: the loss in float32, and the cosine of transformers' own gradients under bfloat16 autocast to those
    in float32: of all values as one vector, and the least of one matrix; versions.
"""

import copy
import shutil

import torch
from peft import LoraConfig, get_peft_model
from transformers import MistralConfig, MistralForCausalLM

from golden import arguments, save_json, save_tensors, versions
from make_mistral import PROJECTIONS, adapter_parameters, loss_of, sequences

R, ALPHA = 8, 16


def initialised():
    config = MistralConfig(
        vocab_size=300, hidden_size=64, intermediate_size=128, num_hidden_layers=4, num_attention_heads=2,
        num_key_value_heads=1, head_dim=64, max_position_embeddings=256, rms_norm_eps=1e-5, sliding_window=None,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, bos_token_id=1, eos_token_id=2,
        pad_token_id=None, tie_word_embeddings=False,
    )  # fmt: skip
    config._attn_implementation = "eager"
    torch.manual_seed(3)
    return MistralForCausalLM(config).to(torch.bfloat16).eval()


def with_adapter(model):
    torch.manual_seed(4)
    settings = LoraConfig(r=R, lora_alpha=ALPHA, lora_dropout=0.0, bias="none", target_modules=PROJECTIONS,
                          task_type="CAUSAL_LM")  # fmt: skip
    lora = get_peft_model(copy.deepcopy(model), settings)
    g = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in sorted(adapter_parameters(lora).items()):
            if name.endswith("lora_B"):
                parameter.copy_(model.config.initializer_range * torch.randn(parameter.shape, generator=g))
    return lora


def gradients(lora, batch):
    lora.zero_grad(set_to_none=True)
    loss = loss_of(lora, batch)
    loss.backward()
    return float(loss.detach()), {name: p.grad.float().clone() for name, p in adapter_parameters(lora).items()}


def cosine(a, b):
    a, b = a.double().flatten(), b.double().flatten()
    return float(a @ b / (a.norm() * b.norm()))


def main():
    args = arguments(__doc__.splitlines()[0])
    torch.use_deterministic_algorithms(True)
    shutil.rmtree(args.out / "initialised", ignore_errors=True)
    batch, model = sequences(), initialised()
    model.save_pretrained(args.out / "initialised")
    lora = with_adapter(copy.deepcopy(model).float())
    loss, exact = gradients(lora, batch)
    matrices = adapter_parameters(lora)
    lora = with_adapter(model)
    for name, parameter in adapter_parameters(lora).items():
        parameter.data = matrices[name].detach().clone()  # PEFT too keeps them in float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, rounded = gradients(lora, batch)
    whole = [torch.cat([found[name].flatten() for name in sorted(exact)]) for found in (rounded, exact)]
    theirs = {"whole": cosine(*whole), "least": min(cosine(rounded[name], exact[name]) for name in exact)}
    print("transformers in bfloat16:", theirs)
    grads = {f"grad.{name}": gradient for name, gradient in exact.items()}
    save_tensors(args.out / "initialised.safetensors", {**batch, **matrices, **grads})
    save_json(args.out / "initialised.json", {"loss": loss, "transformers_bfloat16": theirs, "versions": versions()})


if __name__ == "__main__":
    main()
