"""Does PEFT load an adapter that we saved, and does it compute what we compute?

  python3 check_adapter.py BASE_DIR ADAPTER_DIR LOGITS.json

LOGITS.json, written by our side: {"magic": "mistral-lab-golden", "version": 1, "ids": [[…], …], "logits": [[[…]]]}:
some sequences, and for each the logits [tokens, vocab] of the adapted model in float32 without dropout.
Exit status 0 when the key sets are equal and every logit agrees within 1e-3 (float32 noise of a few layers is about
1e-5; a wrong scale or a swapped matrix is far above 1e-2).
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from peft import PeftConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from peft.utils.save_and_load import load_peft_weights
from transformers import AutoModelForCausalLM

TOLERANCE = 1e-3


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", type=Path)
    parser.add_argument("adapter", type=Path)
    parser.add_argument("logits", type=Path)
    args = parser.parse_args()
    ours = json.loads(args.logits.read_text())
    assert (ours["magic"], ours["version"]) == ("mistral-lab-golden", 1), "LOGITS.json is of another kind"

    base = AutoModelForCausalLM.from_pretrained(str(args.base), dtype=torch.float32, attn_implementation="eager")
    config = PeftConfig.from_pretrained(str(args.adapter))
    config.inference_mode = False
    model = get_peft_model(base, config).eval()
    weights = load_peft_weights(str(args.adapter), device="cpu")
    expected = set(get_peft_model_state_dict(model, save_embedding_layers=False))
    missing, unexpected = sorted(expected - set(weights)), sorted(set(weights) - expected)
    assert not missing and not unexpected, f"missing keys: {missing}; unexpected keys: {unexpected}"
    result = set_peft_model_state_dict(model, weights)
    lost = [key for key in result.missing_keys if "lora_" in key]
    assert not lost and not result.unexpected_keys, f"missing: {lost}; unexpected: {result.unexpected_keys}"

    worst = 0.0
    for ids, logits in zip(ours["ids"], ours["logits"], strict=True):
        with torch.no_grad():
            got = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].double()
        want = torch.tensor(logits, dtype=torch.float64)
        assert got.shape == want.shape, f"logits: expected {tuple(got.shape)}, got {tuple(want.shape)}"
        assert torch.isfinite(want).all(), "our logits are not finite"
        worst = max(worst, float((got - want).abs().max()))
    print(f"{len(weights)} tensors, {len(ours['ids'])} sequences, largest difference of a logit {worst:.3g}")
    sys.exit(0 if worst <= TOLERANCE else 1)


if __name__ == "__main__":
    main()
