"""What every golden script shares: the marks that a reader checks, versions for the record, saving."""

import argparse
import importlib
import json
import platform
from pathlib import Path

import torch
from safetensors.torch import save_file

MAGIC = "mistral-lab-golden"
VERSION = 1
DATA = Path(__file__).resolve().parent.parent / "data"


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, default=DATA, help="folder for the goldens (default: test/goldens/data)")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    return args


def versions():
    found = {"python": platform.python_version()}
    for name in ("torch", "transformers", "peft", "safetensors", "tokenizers", "bitsandbytes", "numpy"):
        try:
            found[name] = importlib.import_module(name).__version__
        except Exception as error:  # a missing package is for the script that needs it to complain about
            found[name] = f"not importable: {type(error).__name__}"
    found["gpu"] = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none"
    return found


def save_tensors(path, tensors):
    """Writes a name -> tensor table; every tensor becomes a contiguous CPU copy of its own."""
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    save_file(plain, str(path), metadata={"magic": MAGIC, "version": str(VERSION)})
    print(f"{path.name}: {len(plain)} tensors, {path.stat().st_size} bytes")


def save_json(path, content):
    path.write_text(json.dumps({"magic": MAGIC, "version": VERSION, **content}, indent=1) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")
