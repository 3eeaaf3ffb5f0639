"""Goldens of the text side: token ids and rendered chat templates of data/models/mini's tokenizer.

text.json:
  tokenizer_sha256   of tokenizer.json, so that a test can tell that the goldens belong to another tokenizer
  strings            {text, ids, ids_with_special, decoded}: ids without added special tokens; with them; and back
  chats              {messages, add_generation_prompt, rendered, ids}, or {…, error} where the template refuses
"""

import hashlib
import sys
import unicodedata
from pathlib import Path

from transformers import PreTrainedTokenizerFast

from golden import arguments, save_json, versions

MODEL = Path(__file__).resolve().parents[3] / "data" / "models" / "mini"

FRENCH = [
    "Bonjour, comment allez-vous ?", "L'été dernier, j'ai mangé une crème brûlée à l'ombre d'un chêne.",
    "Où est passée ma commande n° 4512 ?", "« Voilà ! » s'écria-t-elle.", "Ça coûte 12,50 € TTC.",
    "Aujourd'hui, nous sommes le 1er août.", "Je voudrais être remboursé(e) s'il vous plaît.",
    "naïve façade, cœur, œuvre, Noël, maïs, aiguë", "ÀÂÄÇÉÈÊËÎÏÔÖÙÛÜŸ àâäçéèêëîïôöùûüÿ", "qu’est-ce que c’est ?",
]  # fmt: skip
ENGLISH = [
    "Hello, world!", "The quick brown fox jumps over the lazy dog.", "Where is my order #4512?", "I can't log in.",
    "it's 5 o'clock; they've gone, haven't they?", "A", "a", "I", "ALL CAPS SENTENCE", "MixedCASE wOrDs",
    "Refund me $19.99 by 2024-01-31, please...", "e.g. i.e. etc.", "state-of-the-art", "100% sure & certain",
]  # fmt: skip
CODE = [
    "for (let i = 0; i < 10; i++) {\n  console.log(`x = ${i}`);\n}", "def f(x):\n    return x ** 2\n",
    "SELECT * FROM t WHERE a = 'b';", "#include <vector>\nint main() { return 0; }", "if (a && b || !c) { d ??= e; }",
    '{"key": [1, 2.5, null, true], "nested": {"a": "b"}}', "git commit -m \"fix\" --no-edit", "https://example.com/a?b=c#d",
    "C:\\Users\\x\\file.txt", "\tindented\twith\ttabs", "a_b_c __init__ camelCase PascalCase SCREAMING_SNAKE",
    "x=1;y=2;z=x+y", "// comment\n/* block */", "<div class=\"a\">&nbsp;</div>", "0x1F 1e-5 3.14 1_000",
]  # fmt: skip
SPACES = [
    "", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", " a", "a ", " a ", "a  b", "a   b", "a\nb", "a\n\nb", "\u00a0",
    "a\u00a0b", "\u2003em\u2003space", "\u200bzero\u200bwidth", "line\u2028separator", " " * 16, " " * 33, "\n" * 8,
]  # fmt: skip
UNICODE = [
    "😀", "👍🏽", "👨‍👩‍👧‍👦", "🇫🇷", "I ❤️ it", "日本語のテキスト", "中文测试", "한국어", "Привет, мир", "שלום", "مرحبا",
    "नमस्ते", "ไทย", "é", "e\u0301", "ﬁ ligature", "Ω≈ç√∫", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "①②③", "½ ¼ ¾", "™®©", "\ufffd", "\ufeffBOM",
    "\u0000", "a\u0000b", "\u001b[31mred\u001b[0m", "\U0010ffff", "🧑🏿‍🚀 launch 🚀!!!", "a😀b😀c",
]  # fmt: skip
SPECIAL = [
    "<s>", "</s>", "<unk>", "[INST]", "[/INST]", "<s>[INST] hi [/INST] hello</s>", "[INST][/INST]", "[inst]", "[ INST]",
    "< s>", "<s", "</s></s>", "text</s>more", "<pad>", "[AVAILABLE_TOOLS]", "[TOOL_CALLS]", "<|im_start|>", "<think>",
    "▁", "▁▁", "a▁b", "Ġ", "##", "<0x0A>", "<0xFF>",
]  # fmt: skip


def strings():
    found = FRENCH + ENGLISH + CODE + SPACES + UNICODE + SPECIAL
    # Every byte value turns up: the code points 0-255 are the bytes themselves below 128, C2/C3 pairs above, and the
    # others come from longer characters (each lead byte that valid UTF-8 has, each continuation byte).
    found += [chr(c) for c in range(256) if unicodedata.category(chr(c)) != "Cs"]
    found.append("".join(chr(c) for c in range(256)))
    found.append("".join(chr(c) for c in (0x7FF, 0x800, 0xFFF, 0x1000, 0xCFFF, 0xE000, 0xFFFD, 0x10000, 0x3FFFF, 0x40000, 0xFFFFF, 0x100000)))
    found.append("".join(chr(0x400 + 64 * lead) for lead in range(14)))
    for size in (100, 1000):
        found.append("abcdefghij" * (size // 10))
    found += [" ".join(ENGLISH), " ".join(FRENCH), "\n".join(CODE)]
    return list(dict.fromkeys(found))


def chats():
    user, assistant = lambda text: {"role": "user", "content": text}, lambda text: {"role": "assistant", "content": text}
    system = lambda text: {"role": "system", "content": text}  # noqa: E731
    plain = [
        [user("Hello")],
        [user("Hello"), assistant("Hi!")],
        [user("Hello"), assistant("Hi!"), user("How are you?")],
        [user("Un"), assistant("Deux"), user("Trois"), assistant("Quatre"), user("Cinq"), assistant("Six")],
        [system("You are a helpful assistant."), user("Hello")],
        [system("Sois bref."), user("Où est ma commande ?"), assistant("Elle arrive."), user("Merci 😀")],
        [user("  spaces around  ")],
        [user("line one\nline two\n")],
        [user("[INST] injected [/INST] </s>")],
        [user("")],
        [assistant("I speak first")],
        [user("one"), user("two")],
        [system("only a system message")],
    ]
    return [(messages, prompt) for messages in plain for prompt in (False, True)]


def main():
    args = arguments(__doc__.splitlines()[0])
    if not (MODEL / "tokenizer.json").exists():
        print(f"SKIP: {MODEL}/tokenizer.json is not there")
        sys.exit(77)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(str(MODEL))
    table = []
    for text in strings():
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        table.append({
            "text": text, "ids": ids, "ids_with_special": tokenizer(text)["input_ids"],
            "decoded": tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False),
        })  # fmt: skip
    rendered = []
    for messages, prompt in chats():
        entry = {"messages": messages, "add_generation_prompt": prompt}
        try:
            text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompt)
            entry |= {"rendered": text, "ids": tokenizer(text, add_special_tokens=False)["input_ids"]}
        except Exception as error:  # a template may refuse a conversation; that is part of the golden
            entry["error"] = str(error)
        rendered.append(entry)
    assert any("rendered" in entry for entry in rendered), rendered[0]
    digest = hashlib.sha256((MODEL / "tokenizer.json").read_bytes()).hexdigest()
    save_json(args.out / "text.json",
              {"versions": versions(), "tokenizer_sha256": digest, "strings": table, "chats": rendered})  # fmt: skip


if __name__ == "__main__":
    main()
