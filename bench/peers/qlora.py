"""transformers + PEFT + bitsandbytes beside this package, as bench/gpu.ts starts it. Prints one JSON line a result.

  qlora.py measure MODEL BATCHES             versions, then load, decode, train each batch of the file
  qlora.py curve MODEL ADAPTER BATCHES       versions, then each loss of a run over the batches, without dropout

BATCHES: {"learningRate", "cases": [{"name", "rows", "length", "ids": [...]}], "steps"}. Training is as usual with
these libraries: NF4 with double quantisation, gradient checkpointing, SDPA, bfloat16 autocast, fused AdamW.
"""

import gc
import json
import sys
import time

import bitsandbytes
import peft
import torch
import transformers
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def say(**fields):
    print(json.dumps(fields), flush=True)


def seconds(work):
    torch.cuda.synchronize()
    start = time.perf_counter()
    result = work()
    torch.cuda.synchronize()
    return time.perf_counter() - start, result


def load(path):
    quantization = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )  # fmt: skip
    return AutoModelForCausalLM.from_pretrained(
        path, quantization_config=quantization, device_map={"": 0}, dtype=torch.bfloat16, attn_implementation="sdpa"
    )


def prepared(model):
    return peft.prepare_model_for_kbit_training(
        model, use_gradient_checkpointing=True, gradient_checkpointing_kwargs={"use_reentrant": False}
    )


def step(model, optimizer, ids, max_grad_norm=None):
    with torch.autocast("cuda", dtype=torch.bfloat16):
        loss = model(input_ids=ids, labels=ids).loss
    loss.backward()
    if max_grad_norm:
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], max_grad_norm)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss


def new_optimizer(model, learning_rate):
    parameters = [p for p in model.parameters() if p.requires_grad]
    return torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.01, fused=True)


def ids_of(case):
    return torch.tensor(case["ids"], device="cuda").reshape(case["rows"], case["length"])


def measure(path, plan):
    taken, model = seconds(lambda: load(path))
    say(work="load and quantise", seconds=round(taken, 2))
    model.eval()
    prompt = torch.arange(3, 131, device="cuda")[None]
    with torch.no_grad():
        for tokens in (8, 64):
            options = {"max_new_tokens": tokens, "min_new_tokens": tokens, "do_sample": False, "pad_token_id": 2}
            taken, _ = seconds(lambda: model.generate(prompt, **options))
    say(work="decode", tokensPerSecond=round(64 / taken, 1))
    lora = peft.LoraConfig(r=8, lora_alpha=16, lora_dropout=0.05, target_modules=TARGETS, task_type="CAUSAL_LM")
    model = peft.get_peft_model(prepared(model), lora)
    model.train()
    optimizer = new_optimizer(model, plan["learningRate"])
    for case in plan["cases"]:
        try:
            train(model, optimizer, case, plan["steps"])
        except torch.OutOfMemoryError as error:  # the other cases may fit
            say(work=f"train {case['name']}", error=str(error)[:200])
            optimizer.zero_grad(set_to_none=True)


def train(model, optimizer, case, steps):
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    ids, times, first = ids_of(case), [], None
    for i in range(steps):
        taken, loss = seconds(lambda: step(model, optimizer, ids))
        first = loss.item() if i == 0 else first
        times.append(taken)
    times = sorted(times[min(8, steps - 1) :])
    rate = [round(ids.numel() / t) for t in times]
    peak = torch.cuda.max_memory_allocated() / 2**30
    say(work=f"train {case['name']}", tokensPerSecond=rate[len(rate) // 2], fastest=rate[0], slowest=rate[-1],
        peakGiB=round(peak, 2), firstLoss=round(first, 4))  # fmt: skip


def curve(path, adapter, plan):
    model = peft.PeftModel.from_pretrained(prepared(load(path)), adapter, is_trainable=True)
    model.train()
    optimizer = new_optimizer(model, plan["learningRate"])
    for case in plan["cases"]:
        say(loss=step(model, optimizer, ids_of(case), 1.0).item())


say(work="versions", transformers=transformers.__version__, peft=peft.__version__,
    bitsandbytes=bitsandbytes.__version__, torch=torch.__version__)  # fmt: skip
with open(sys.argv[-1]) as file:
    {"measure": measure, "curve": curve}[sys.argv[1]](*sys.argv[2:-1], json.load(file))
