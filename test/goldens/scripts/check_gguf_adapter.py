"""Checks an adapter of ours with llama.cpp's own convert_lora_to_gguf.py, from the sources in node-llama-cpp.

Usage: check_gguf_adapter.py BASE_DIR ADAPTER_DIR OURS.gguf
  BASE_DIR     the base in Hugging Face layout
  ADAPTER_DIR  what `mistral-lab export MODEL --to peft` wrote
  OURS.gguf    what `mistral-lab export MODEL --to gguf --type adapter` wrote of the same model
The converter must accept the adapter, and its tensors, alpha and architecture must be those of our file.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from gguf import GGUFReader

BUNDLE = Path(__file__).resolve().parents[3] / "node_modules/node-llama-cpp/llama/gitRelease.bundle"


def content(path):
    reader = GGUFReader(str(path))
    fields = {name: reader.fields[name].contents() for name in ("general.architecture", "general.type", "adapter.type",
                                                                "adapter.lora.alpha")}  # fmt: skip
    return fields, {tensor.name: np.array(tensor.data, dtype=np.float32) for tensor in reader.tensors}


def main():
    base, adapter, ours = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        sources, converted = Path(folder) / "llama.cpp", Path(folder) / "theirs.gguf"
        subprocess.run(["git", "clone", "--quiet", str(BUNDLE), str(sources)], check=True, capture_output=True)
        command = [sys.executable, "convert_lora_to_gguf.py", "--outtype", "f32", "--outfile", str(converted),
                   "--base", str(Path(base).resolve()), str(Path(adapter).resolve())]  # fmt: skip
        subprocess.run(command, check=True, cwd=sources)
        theirs_fields, theirs = content(converted)
    ours_fields, mine = content(ours)
    assert ours_fields == theirs_fields, (ours_fields, theirs_fields)
    assert mine.keys() == theirs.keys(), sorted(mine.keys() ^ theirs.keys())
    for name, values in theirs.items():
        assert np.array_equal(mine[name].reshape(values.shape), values), name
    print(f"equal: {len(theirs)} tensors, {theirs_fields}")


if __name__ == "__main__":
    main()
