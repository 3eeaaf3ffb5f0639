#!/usr/bin/env bash
# Makes every golden and prints a table. Usage: run_all.sh [OUT_DIR]; default test/goldens/data.
# Needs python3 with torch, transformers, peft, safetensors, tokenizers, numpy, gguf, sentencepiece and bitsandbytes; builds nothing.
# With ADAPTER_BASE, ADAPTER_DIR and ADAPTER_LOGITS set, an adapter of ours is checked against PEFT too.
# With GGUF_ADAPTER set to the same adapter as GGUF, it is compared with what llama.cpp makes of ADAPTER_DIR: 56 tensors
# equal for an adapter of the bundled model (2026-11-28).
set -u
here=$(cd "$(dirname "$0")" && pwd)
out=$(mkdir -p "${1:-$here/../data}" && cd "${1:-$here/../data}" && pwd)
# The scripts must never look for models elsewhere.
export HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 TOKENIZERS_PARALLELISM=false CUBLAS_WORKSPACE_CONFIG=:4096:8
table=""
failures=0

step() { # step NAME COMMAND…: 0 is PASS, 77 is SKIP, anything else FAIL
  local name=$1 code
  shift
  echo "== $name"
  "$@"
  code=$?
  case $code in
    0) table+="PASS  $name"$'\n' ;;
    77) table+="SKIP  $name"$'\n' ;;
    *) table+="FAIL  $name (exit $code)"$'\n'; failures=$((failures + 1)) ;;
  esac
}

cd "$here" || exit 1
step make_nf4 python3 make_nf4.py --out "$out"
step make_mistral python3 make_mistral.py --out "$out"
step make_initialised python3 make_initialised.py --out "$out"
step make_family python3 make_family.py --out "$out"
step make_adapters python3 make_adapters.py --out "$out"
step make_gguf python3 make_gguf.py --out "$out"
step make_tokenizers python3 make_tokenizers.py --out "$out"
step make_text python3 make_text.py --out "$out"
if [ -n "${ADAPTER_DIR:-}" ]; then
  step check_adapter python3 check_adapter.py "$ADAPTER_BASE" "$ADAPTER_DIR" "$ADAPTER_LOGITS"
fi
if [ -n "${QUANTIZED_DIR:-}" ]; then
  step check_quantized python3 check_quantized.py "$QUANTIZED_DIR" "$QUANTIZED_LOGITS"
fi
if [ -n "${GGUF_ADAPTER:-}" ]; then
  step check_gguf_adapter python3 check_gguf_adapter.py "$ADAPTER_BASE" "$ADAPTER_DIR" "$GGUF_ADAPTER"
fi
echo
printf '%s' "$table"
du -sh "$out"
exit "$failures"
