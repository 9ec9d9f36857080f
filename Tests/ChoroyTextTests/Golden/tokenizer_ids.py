"""Asks Hugging Face `tokenizers` for the ids of random and hostile strings.

Both ways train small tokenizers with `.build/release/choroy` on the text below and open the files
that it wrote with the reference library.

    python3 tokenizer_ids.py                        writes tokenizer_ids.json beside this file
    python3 tokenizer_ids.py --differential 100000 [SEED]  compares ids of that many random strings

Made with tokenizers 0.23.3, Python 3.11, seed 20240607. Scalars that Unicode assigned after 15.0
are left out: the reference library knows some of them (see ScalarClassTests.swift).
"""

import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unicodedata

import tokenizers

HERE = pathlib.Path(__file__).resolve().parent
CHOROY = os.environ.get("CHOROY", HERE.parents[2] / ".build/release/choroy")
PATTERNS = ["llama-bpe", "gpt-2", "qwen2", "smollm", "cl100k", "o200k"]
SEED = 20240607

TEXT = """\
The little parrot sat on the fence and counted the boats: one, two, three, 12, 1234, 99999.
"It's late," said the heron, "and we'll be cold. You've been here since 7:45; haven't you?"
"I'd rather stay," the parrot said. "THEY'RE coming back, I'm sure of it!"

    if (boats[i] != home) {
\t\treturn count + 1;  // still out there...
    }

Der Häher flog über die Brücke, während es regnete. L'été, la mésange chantait déjà; où était-elle?
Маленький попугай сидел на заборе и считал лодки. Цапля сказала: «Уже поздно».
小さなオウムが柵にとまって、舟を数えていた。鷺は「もう遅いよ」と言った。
작은 앵무새가 울타리에 앉아 배를 세었다. छोटा तोता बाड़ पर बैठा नावें गिन रहा था।
كان الببغاء الصغير يعد القوارب. התוכי הקטן ספר את הסירות. นกแก้วตัวน้อยนับเรือ
The boats came home at last: 🚤🚤 and everyone laughed 😀👍🏽. The end…
"""

HOSTILE = [
    "", " ", "  ", "   a", "\n", "\n\n", " \n ", "\r\n\r\n x", "\t\ta", "a\n \n  b", "a ", "a  ",
    "'s", "'S", "'ſ", "'RE're'Ll'd'D", "''s", " 's", "x's's", "'", "''", "don't DON'T",
    "1", "12", "123", "1234", "1234567", " 12 345", "١٢٣٤", "Ⅷ½²", "a1b22c333d4444", "3.14159",
    "\u00a0a", "\u3000\u3000b", "\u2028x", "a\u0085b", "\u200bzero", "\ufeffbom", "e\u0301", "é",
    "नमस्ते", "ไทย", "👩‍👩‍👧‍👦", "🇨🇱🇨🇱", "\U0010ffff", "\x00\x01", "\x7f", "_ _", "<|endoftext|>",
    "<|im_start|>user\nhi<|im_end|>", "<|endoftext", "a<|im_end|>b<|reserved_0|>", "!!!???...",
    " !!", "\t!", "\n!", "!\n\n", "!\r\n x", " !\n \n", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "ab" * 80, " " * 70, "\n" * 33, "=" * 65, "-" * 7 + "\n" + "-" * 5, "ééééééé", "naïve café",
    "The parrot's boats weren't home by 19:45, were they?", "小さな舟", "попугай", "앵무새",
]


def random_text(chooser, longest=40, plain=0):
    """Up to so many scalars, in runs of one kind: letters, digits, spaces, marks, anything. `plain` of 10
    runs are of the first kinds, which are ASCII, so that long texts have long stretches of it.
    """
    kinds = [
        lambda: chooser.choice("etaoinshrdluETAOIN"),
        lambda: chooser.choice("0123456789"),
        lambda: chooser.choice(" "),
        lambda: chooser.choice(" \t\n\r\u00a0\u3000\u2003\u0085\x0b\x0c\u2028"),
        lambda: chooser.choice("'.,;:!?-_()[]{}<>|/\\\"#$%&*+=@^`~"),
        lambda: chooser.choice(["'s", "'T", "'ll", "'VE", "'re", "'d", "'ſ", "'M"]),
        lambda: chr(chooser.randrange(0xC0, 0x250)),
        lambda: chr(chooser.randrange(0x370, 0x600)),
        lambda: chr(chooser.randrange(0x900, 0xE80)),
        lambda: chr(chooser.randrange(0x3040, 0x30FF)),
        lambda: chr(chooser.randrange(0x4E00, 0x9FFF)),
        lambda: chr(chooser.randrange(0xAC00, 0xD7A3)),
        lambda: chr(chooser.randrange(0x1F300, 0x1F700)),
        lambda: chr(chooser.randrange(0x2070, 0x2190)),
        lambda: chr(chooser.choice([chooser.randrange(0, 0xD800), chooser.randrange(0xE000, 0x110000)])),
        lambda: chooser.choice(["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|"]),
        lambda: chooser.choice(TEXT.split()),
    ]
    text = ""
    length = chooser.randrange(1, longest) if longest > 40 else 0
    while len(text) < (length or chooser.randrange(1, longest)):
        kind = chooser.choice(kinds[:6] if plain and chooser.randrange(10) < plain else kinds)
        for _ in range(chooser.randrange(1, 6)):
            text += kind()
    # unicodedata of Python 3.11 knows Unicode 14.0; what it does not know is left out.
    return "".join(c for c in text if unicodedata.category(c) != "Cn")


def choroy(*arguments):
    return subprocess.run([CHOROY, *arguments], check=True, capture_output=True).stdout


def train(folder, pattern, size):
    text = folder / "text.txt"
    text.write_bytes(TEXT.encode())
    output = folder / pattern
    choroy("tokenizer", "train", text, "--vocab-size", str(size), "--pattern", pattern,
           "--output", output)
    return output, tokenizers.Tokenizer.from_file(str(output / "tokenizer.json"))


def golden(folder):
    chooser = random.Random(SEED)
    cases = HOSTILE + [random_text(chooser) for _ in range(70)]
    result = {"made_with": f"tokenizers {tokenizers.__version__}", "seed": SEED, "text": TEXT,
              "vocabulary_size": 500, "cases": cases, "ids": {}}
    for pattern in PATTERNS:
        _, reference = train(folder, pattern, 500)
        result["ids"][pattern] = [reference.encode(case).ids for case in cases]
    path = HERE / "tokenizer_ids.json"
    path.write_text(json.dumps(result, ensure_ascii=True, separators=(",", ":")) + "\n")
    print(f"{path.name}: {len(cases)} cases, {path.stat().st_size} bytes")


def differential(folder, count, seed):
    chooser = random.Random(seed)
    wrong = 0
    trained = [(pattern, *train(folder, pattern, 700)) for pattern in PATTERNS]
    for start in range(0, count, 5000):
        texts = [random_text(chooser, *chooser.choice([(40, 0), (400, 5), (400, 9), (400, 10)]))
                 for _ in range(min(5000, count - start))]
        # One file: a special token that no text has stands between them.
        strings = folder / "strings"
        strings.write_bytes("<|reserved_4|>".join(texts).encode())
        for pattern, output, reference in trained:
            last = str(reference.token_to_id("<|reserved_4|>"))
            lines = [[]]
            for word in choroy("tokenizer", "encode", "--tokenizer", output, strings, "--parse-special").decode().split():
                if word == last:
                    lines.append([])
                else:
                    lines[-1].append(int(word))
            for text, line, expected in zip(texts, lines, reference.encode_batch(texts), strict=True):
                if line != expected.ids:
                    wrong += 1
                    if wrong <= 10:
                        print(f"{pattern}: {text!r}\n  ours {line}\n  reference {expected.ids}")
        print(f"{start + len(texts)} strings, {len(trained)} patterns: {wrong} differ", flush=True)
    return wrong


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        if sys.argv[1:2] == ["--differential"]:
            seed = int(sys.argv[3]) if len(sys.argv) > 3 else None
            sys.exit(1 if differential(pathlib.Path(name), int(sys.argv[2]), seed) else 0)
        golden(pathlib.Path(name))
