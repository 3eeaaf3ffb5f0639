"""Do transformers and bitsandbytes load a folder that exportQuantized wrote, and compute what we compute?

  python3 check_quantized.py QUANTIZED_DIR LOGITS.json

LOGITS.json as in check_adapter.py, of the same 4-bit model in float32. bitsandbytes multiplies in bfloat16 on a CPU, so
each of its layers is replaced by a plain one with the values that it dequantises.
Exit status 0 when every logit agrees within 1e-3 (float32 noise of a few layers is about 1e-5).
"""

import argparse
import json
import sys
from pathlib import Path

import bitsandbytes as bnb
import torch
from transformers import AutoModelForCausalLM

TOLERANCE = 1e-3


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("logits", type=Path)
    args = parser.parse_args()
    ours = json.loads(args.logits.read_text())
    assert (ours["magic"], ours["version"]) == ("mistral-lab-golden", 1), "LOGITS.json is of another kind"

    model = AutoModelForCausalLM.from_pretrained(str(args.folder), dtype=torch.float32, device_map="cpu").eval()
    count = 0
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if not isinstance(layer, bnb.nn.Linear4bit):
                continue
            state = layer.weight.quant_state
            state.dtype = torch.float32
            values = bnb.functional.dequantize_4bit(layer.weight.data, state)
            plain = torch.nn.Linear(values.shape[1], values.shape[0], bias=False)
            plain.weight.data = values
            setattr(parent, name, plain)
            count += 1
    assert count == 7 * model.config.num_hidden_layers, f"{count} layers are in 4 bits"

    worst = 0.0
    for ids, logits in zip(ours["ids"], ours["logits"], strict=True):
        with torch.no_grad():
            got = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].double()
        want = torch.tensor(logits, dtype=torch.float64)
        assert got.shape == want.shape, f"logits: expected {tuple(got.shape)}, got {tuple(want.shape)}"
        worst = max(worst, float((got - want).abs().max()))
    print(f"{count} layers, {len(ours['ids'])} sequences, largest difference of a logit {worst:.3g}")
    sys.exit(0 if worst <= TOLERANCE else 1)


if __name__ == "__main__":
    main()
