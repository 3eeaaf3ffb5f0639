"""transformers + PEFT + bitsandbytes on the CPU beside this package, as bench/model.bench.ts starts it.

  loraCpu.py MODEL BATCHES THREADS    NF4 with double quantisation and bfloat16, LoRA r 8 on seven projections,
                                      gradient checkpointing; trains each batch, then decodes greedily

BATCHES: {"cases": [{"rows", "length", "ids": [...]}], "tokens"}. Prints one JSON line a result.
"""

import json
import os
import sys
import time

os.environ["CUDA_VISIBLE_DEVICES"] = ""

import bitsandbytes
import peft
import torch
import transformers
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

STEPS = 4
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def say(**fields):
    print(json.dumps(fields), flush=True)


def train(model, optimizer, ids):
    seconds, first = [], None
    for _ in range(STEPS):
        start = time.perf_counter()
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        first = loss.item() if first is None else first
        seconds.append(time.perf_counter() - start)
    return first, sorted(seconds[1:])[(STEPS - 1) // 2]


def main(path, batches, threads):
    torch.set_num_threads(int(threads))
    transformers.utils.logging.disable_progress_bar()
    with open(batches) as file:
        plan = json.load(file)
    device = (f"transformers {transformers.__version__}, PEFT {peft.__version__}, "
              f"bitsandbytes {bitsandbytes.__version__}, torch {torch.__version__}, {threads} threads, bfloat16")
    quantization = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    model = AutoModelForCausalLM.from_pretrained(
        path, dtype=torch.bfloat16, device_map="cpu", quantization_config=quantization)
    model = peft.prepare_model_for_kbit_training(
        model, gradient_checkpointing_kwargs={"use_reentrant": False})
    model = peft.get_peft_model(model, peft.LoraConfig(
        r=8, lora_alpha=16, lora_dropout=0.05, task_type="CAUSAL_LM", target_modules=TARGETS))
    model.train()
    model.config.use_cache = False
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-4)
    for case in plan["cases"]:
        rows, length = case["rows"], case["length"]
        loss, seconds = train(model, optimizer, torch.tensor(case["ids"]).reshape(rows, length))
        say(work=f"train {rows}x{length}", device=device, loss=loss,
            tokensPerSecond=round(rows * length / seconds))
    model.eval()
    model.config.use_cache = True
    prompt = torch.tensor(plan["cases"][0]["ids"][:32])[None]
    with torch.no_grad():
        model.generate(prompt, max_new_tokens=4, do_sample=False)
        tokens = plan["tokens"]
        start = time.perf_counter()
        model.generate(prompt, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False)
        say(work="decode", device=device, tokensPerSecond=round(tokens / (time.perf_counter() - start), 1))


main(*sys.argv[1:])
