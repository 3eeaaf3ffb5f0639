"""Goldens of the model: logits, losses, LoRA gradients and twenty training steps of a tiny random Mistral.

Folders, as transformers and PEFT save them:
  tiny-mistral/        4 layers, float32          tiny-mistral-tied/   1 layer, tied embeddings
  tiny-mistral-nf4/    the projections of tiny-mistral in bitsandbytes' NF4 with double quantisation
  tiny-adapter/        LoRA r 4, alpha 8 on all seven projections, A and B both non-zero
mistral.safetensors (T = tokens of both sequences, one after another):
  ids, labels, positions I32 [T]   labels[t] is the id that should follow token t, -100 where none is trained
  cu_seqlens I32 [3]               where each sequence begins, and the end
  M.logits F32 [T, vocab]          for M in base, lora, nf4, nf4_lora; tied.logits likewise
  M.grad.MODULE.lora_A, .lora_B    for M in lora, nf4_lora: gradient of the loss
  M.trained.MODULE.lora_A, .lora_B the matrices after twenty steps
  base.greedy, nf4.greedy I32 [32] greedy continuation of the first sequence; M.greedy_margin F32 [32]: how far the
                                   best logit was above the second best
mistral.json: loss of each M, the twenty losses (before each step) and gradient norms (before clipping) of lora and
nf4_lora, the recipe, versions.

Sequences run one by one through transformers; the packed loss is the sum of their token losses by the number of
trained tokens. NF4 is computed in float32: bitsandbytes dequantises the weights, torch multiplies. (On CPUs with
AVX512-BF16 its own linear layer would compute in bfloat16.) Where there is a GPU the logits of its real Linear4bit
are compared too.
"""

import copy
import json
import math
import shutil

import torch
from bitsandbytes import functional as F
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import MistralConfig, MistralForCausalLM

from golden import arguments, save_json, save_tensors, versions

PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
RECIPE = {
    "r": 4, "alpha": 8, "steps": 20, "learning_rate": 1e-3, "weight_decay": 0.01, "betas": [0.9, 0.999],
    "eps": 1e-8, "max_grad_norm": 1.0,
}  # fmt: skip


def config(layers, tied):
    result = MistralConfig(
        vocab_size=300, hidden_size=96, intermediate_size=160, num_hidden_layers=layers, num_attention_heads=6,
        num_key_value_heads=2, head_dim=16, max_position_embeddings=256, rms_norm_eps=1e-5, sliding_window=None,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, bos_token_id=1, eos_token_id=2,
        pad_token_id=None, tie_word_embeddings=tied,
    )  # fmt: skip
    result._attn_implementation = "eager"  # the plain formula, in float32
    return result


def random_model(layers, tied, seed):
    """Weights by name and seed, so that they do not depend on transformers' own initialisation."""
    model = MistralForCausalLM(config(layers, tied)).to(torch.float32).eval()
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=g, dtype=torch.float32)
            if name.endswith("norm.weight"):
                parameter.copy_(1.0 + 0.1 * noise)
            else:
                parameter.copy_((0.1 if "embed" in name or "lm_head" in name else 0.08) * noise)
    if not tied:
        assert model.lm_head.weight.data_ptr() != model.model.embed_tokens.weight.data_ptr()
    return model


def sequences():
    """Two sequences that begin with bos; the first third of each is a prompt and not trained."""
    g = torch.Generator().manual_seed(7)
    ids, labels, positions, starts = [], [], [], [0]
    for length in (17, 23):
        sequence = [1] + torch.randint(3, 300, (length - 1,), generator=g).tolist()
        following = sequence[1:] + [-100]
        prompt = length // 3
        ids += sequence
        labels += [-100 if t + 1 < prompt else label for t, label in enumerate(following)]
        positions += list(range(length))
        starts.append(len(ids))
    return {key: torch.tensor(value, dtype=torch.int32) for key, value in
            {"ids": ids, "labels": labels, "positions": positions, "cu_seqlens": starts}.items()}  # fmt: skip


def logits_of(model, batch):
    bounds = batch["cu_seqlens"].tolist()
    ids = batch["ids"].long()
    return torch.cat([model(input_ids=ids[a:b][None], use_cache=False).logits[0] for a, b in zip(bounds, bounds[1:])])


def loss_of(model, batch):
    return torch.nn.functional.cross_entropy(logits_of(model, batch), batch["labels"].long(), ignore_index=-100)


def greedy(model, batch, steps=32):
    ids, margins = batch["ids"].long()[: int(batch["cu_seqlens"][1])].tolist(), []
    for _ in range(steps):
        with torch.no_grad():
            best = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].topk(2)
        margins.append(float(best.values[0] - best.values[1]))
        ids.append(int(best.indices[0]))
    return torch.tensor(ids[-steps:], dtype=torch.int32), torch.tensor(margins)


def with_adapter(model):
    """A copy of the model with LoRA whose A and B are both random, so that every gradient is non-zero."""
    lora = get_peft_model(
        copy.deepcopy(model),
        LoraConfig(r=RECIPE["r"], lora_alpha=RECIPE["alpha"], lora_dropout=0.0, bias="none",
                   target_modules=PROJECTIONS, task_type="CAUSAL_LM"),
    )  # fmt: skip
    lora.peft_config["default"].base_model_name_or_path = "tiny-mistral"  # no path of this machine in the golden
    g = torch.Generator().manual_seed(99)
    with torch.no_grad():
        for _, parameter in sorted(adapter_parameters(lora).items()):
            parameter.copy_(0.1 * torch.randn(parameter.shape, generator=g, dtype=torch.float32))
    return lora


def adapter_parameters(lora):
    """ "model.layers.0.self_attn.q_proj.lora_A" -> parameter"""
    found = {}
    for name, parameter in lora.named_parameters():
        if ".lora_" in name:
            assert parameter.requires_grad, name
            found[name.removeprefix("base_model.model.").removesuffix(".default.weight")] = parameter
    assert len(found) == 2 * 7 * lora.config.num_hidden_layers, sorted(found)
    return found


def train(lora, batch, prefix, tensors):
    """Gradients of the first loss into `tensors`, then the recipe's steps; returns what goes to the JSON."""
    parameters = adapter_parameters(lora)
    optimizer = torch.optim.AdamW(
        list(parameters.values()), lr=RECIPE["learning_rate"], betas=tuple(RECIPE["betas"]), eps=RECIPE["eps"],
        weight_decay=RECIPE["weight_decay"], foreach=False,
    )  # fmt: skip
    losses, norms = [], []
    for step in range(RECIPE["steps"]):
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(lora, batch)
        loss.backward()
        if step == 0:
            tensors.update({f"{prefix}.grad.{name}": p.grad.clone() for name, p in parameters.items()})
        norms.append(float(torch.nn.utils.clip_grad_norm_(list(parameters.values()), RECIPE["max_grad_norm"])))
        optimizer.step()
        losses.append(float(loss.detach()))
    tensors.update({f"{prefix}.trained.{name}": p.detach().clone() for name, p in parameters.items()})
    assert losses[-1] < losses[0] and all(map(math.isfinite, losses)), losses
    return {"loss": losses[0], "losses": losses, "grad_norms": norms}


def quantized(model, folder, device):
    """A copy whose projections went through NF4 and back, and the checkpoint in bitsandbytes' layout."""
    result = copy.deepcopy(model)
    checkpoint = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    for name, module in result.named_modules():
        if name.split(".")[-1] not in PROJECTIONS:
            continue
        packed, state = F.quantize_4bit(module.weight.data.to(device), blocksize=64, quant_type="nf4",
                                        compress_statistics=True)  # fmt: skip
        checkpoint[f"{name}.weight"] = packed.cpu()
        for key, tensor in state.as_dict(packed=True).items():
            checkpoint[f"{name}.weight.{key}"] = tensor.cpu()
        # Flat: for rows that are no multiple of 64, bitsandbytes' AVX-512 path takes the wrong scales.
        shape, state.shape = state.shape, torch.Size([state.shape.numel()])
        module.weight.data = F.dequantize_4bit(packed, quant_state=state).float().cpu().reshape(shape)
    folder.mkdir(parents=True, exist_ok=True)
    plain = {name: tensor.contiguous().clone() for name, tensor in checkpoint.items()}
    save_file(plain, str(folder / "model.safetensors"), metadata={"format": "pt"})
    settings = json.loads(model.config.to_json_string())
    settings["quantization_config"] = {
        "quant_method": "bitsandbytes", "load_in_4bit": True, "load_in_8bit": False, "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_use_double_quant": True, "bnb_4bit_compute_dtype": "float32", "bnb_4bit_quant_storage": "uint8",
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")
    return result


def linear4bit_difference(model, batch, expected):
    """Largest difference of the logits when bitsandbytes' own Linear4bit computes on the GPU."""
    import bitsandbytes as bnb

    torch.backends.cuda.matmul.allow_tf32 = False
    real = copy.deepcopy(model).cuda()
    for name, module in list(real.named_modules()):
        if name.split(".")[-1] in PROJECTIONS:
            parent = real.get_submodule(name.rsplit(".", 1)[0])
            layer = bnb.nn.Linear4bit(module.in_features, module.out_features, bias=False,
                                      compute_dtype=torch.float32, quant_type="nf4")  # fmt: skip
            layer.weight = bnb.nn.Params4bit(module.weight.data.cpu(), requires_grad=False, quant_type="nf4")
            setattr(parent, name.rsplit(".", 1)[1], layer.cuda())
    with torch.no_grad():
        got = logits_of(real, {key: tensor.cuda() for key, tensor in batch.items()}).cpu()
    return float((got - expected).abs().max())


def main():
    args = arguments(__doc__.splitlines()[0])
    torch.use_deterministic_algorithms(True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    for folder in ("tiny-mistral", "tiny-mistral-tied", "tiny-mistral-nf4", "tiny-adapter"):
        shutil.rmtree(args.out / folder, ignore_errors=True)
    batch = sequences()
    base, tied = random_model(4, False, seed=1), random_model(1, True, seed=2)
    base.save_pretrained(args.out / "tiny-mistral")
    tied.save_pretrained(args.out / "tiny-mistral-tied")
    nf4 = quantized(base, args.out / "tiny-mistral-nf4", device)
    tensors, report = dict(batch), {"recipe": RECIPE, "nf4_quantized_on": device, "versions": versions()}
    with torch.no_grad():
        tensors["tied.logits"] = logits_of(tied, batch)
    for name, model in (("base", base), ("nf4", nf4)):
        with torch.no_grad():
            tensors[f"{name}.logits"] = logits_of(model, batch)
            report[name] = {"loss": float(loss_of(model, batch))}
        tensors[f"{name}.greedy"], tensors[f"{name}.greedy_margin"] = greedy(model, batch)
        lora, prefix = with_adapter(model), "lora" if name == "base" else "nf4_lora"
        with torch.no_grad():
            tensors[f"{prefix}.logits"] = logits_of(lora, batch)
        if name == "base":  # before training: the golden adapter is the one that the logits above belong to
            lora.save_pretrained(args.out / "tiny-adapter", save_embedding_layers=False)
            (args.out / "tiny-adapter" / "README.md").unlink(missing_ok=True)
        report[prefix] = train(lora, batch, prefix, tensors)
        assert (tensors[f"{prefix}.logits"] - tensors[f"{name}.logits"]).abs().max() > 0.01, "the adapter does nothing"
    if device == "cuda":
        try:
            report["linear4bit_max_difference"] = linear4bit_difference(base, batch, tensors["nf4.logits"])
        except Exception as error:  # a cross-check of bitsandbytes with itself; the goldens do not depend on it
            report["linear4bit_error"] = f"{type(error).__name__}: {error}"
        print({key: value for key, value in report.items() if key.startswith("linear4bit")})
    save_tensors(args.out / "mistral.safetensors", tensors)
    save_json(args.out / "mistral.json", report)


if __name__ == "__main__":
    main()
