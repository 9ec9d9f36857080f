#!/usr/bin/env python3
"""Compares ids of Choroy with those of other libraries on random and hostile strings.

usage: tokenizer_ids.py tiktoken|scalars|sentencepiece|added [--strings 3000] [--seed 1] [--data ../shared/data]
                        [--tokenizer tok/tokenizer.json] [--choroy .build/release/choroy]

tiktoken       cl100k_base and o200k_base, on the texts in DATA/text too
scalars        tiktoken with the patterns of GPT-2, GPT-4 and GPT-4o, for every Unicode scalar between others, with a
               vocabulary that shows where pieces end; prints the scalars that differ (those that Unicode
               assigned after 15.0: see PreTokenizerTests.swift)
sentencepiece  Phi-3's vocabulary from its GGUF, written as tokenizer.json with Hugging Face's tokenizers in several
               ways: Prepend and Replace, Replace, Metaspace, and written by Choroy (pip install gguf tokenizers)
added          flags of added tokens and normalizers, on top of --tokenizer

Made with tiktoken 0.14.0, tokenizers 0.23.3, gguf 0.19.0. Ends with 1 when anything differs.
"""
import argparse, base64, glob, pathlib, random, subprocess, sys, tempfile

PATTERNS = {
    "cl100k_base": r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s""",
    "o200k_base": "|".join([
        r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
        r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
        r"""\p{N}{1,3}""", r""" ?[^\s\p{L}\p{N}]+[\r\n/]*""", r"""\s*[\r\n]+""", r"""\s+(?!\S)""", r"""\s+"""]),
}

END_OF_PROMPT = {"cl100k_base": 100276, "o200k_base": 200018}

GPT2 = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""

KINDS = [
    ["A", "B", "É", "Ω", "ǅ"], ["a", "b", "é", "ß", "s", "t", "m", "d", "re", "ve", "ll", "S", "T"],
    ["中", "ª", "ʰ", "あ"], ["\u0301", "\u0903", "\u20dd"], ["1", "23", "٣", "Ⅷ", "½"],
    [" ", "  ", "\t", "\n", "\r\n", "\u3000", "\xa0", "\u2028", "\x0b", "\x85"],
    ["'", "'s", "'LL", "!", "/", "//", "-", "_", "“", "’", "😀", "\u200d", "\ufeff", "\0", "'ſ", "ſ"],
]


def hostile(chooser):
    """Runs of letters, marks, digits, white space and symbols, now and then one of them many times."""
    def part():
        return chooser.choice(chooser.choice(KINDS)) * (1 if chooser.random() < 0.9 else chooser.randrange(1, 80))
    return "".join(part() for _ in range(chooser.randrange(1, 120)))


class Comparison:
    def __init__(self, choroy, folder):
        self.choroy, self.folder, self.wrong = choroy, pathlib.Path(folder), 0

    def ids(self, tokenizer, texts, flags):
        files = []
        for index, text in enumerate(texts):
            files.append(self.folder / f"{index:06d}")
            files[-1].write_bytes(text.encode())
        out = subprocess.run(
            [self.choroy, "tokenizer", "encode", "--tokenizer", tokenizer, *flags, *files],
            check=True, stdout=subprocess.PIPE, text=True).stdout
        return [[int(word) for word in line.split()] for line in out.split("\n")[:-1]]

    def joined_ids(self, tokenizer, texts, separator):
        """The same for texts without the special token that is put between them, in one file."""
        name, last = separator
        path = self.folder / "joined"
        path.write_bytes(name.join(texts).encode())
        out = subprocess.run(
            [self.choroy, "tokenizer", "encode", "--tokenizer", tokenizer, "--parse-special", path],
            check=True, stdout=subprocess.PIPE, text=True).stdout
        lists = [[]]
        for word in out.split():
            if int(word) == last:
                lists.append([])
            else:
                lists[-1].append(int(word))
        assert len(lists) == len(texts)
        return lists

    def check(self, name, tokenizer, texts, reference, *flags, separator=None):
        wrong = 0
        for start in range(0, len(texts), 2000):
            part = texts[start:start + 2000]
            lists = self.joined_ids(tokenizer, part, separator) if separator else self.ids(tokenizer, part, flags)
            for text, found in zip(part, lists):
                wanted = reference(text)
                if found != wanted:
                    wrong += 1
                    if wrong <= 3:
                        print(f"{name}: {text[:200]!r}\n  ours      {found[:40]}\n  reference {wanted[:40]}")
        self.wrong += wrong
        print(f"{name}: {len(texts)} texts, {wrong} differ", flush=True)


def compare_tiktoken(a, chooser, comparison):
    import tiktoken
    texts = [open(f, encoding="utf-8", newline="").read()
             for f in sorted(glob.glob(f"{a.data}/text/*.txt") + glob.glob(f"{a.data}/text/udhr/*.txt"))]
    strings = [hostile(chooser) for _ in range(a.strings)]
    for name, pattern in PATTERNS.items():
        path = f"{a.data}/tokenizers/tiktoken/{name}.tiktoken"
        lines = (line.split() for line in open(path, "rb") if line.strip())
        encoding = tiktoken.Encoding(
            name, pat_str=pattern, special_tokens={},
            mergeable_ranks={base64.b64decode(token): int(rank) for token, rank in lines})
        comparison.check(f"{name}, files", path, texts, encoding.encode_ordinary)
        comparison.check(name, path, strings, encoding.encode_ordinary, separator=("<|endofprompt|>", END_OF_PROMPT[name]))


def compare_scalars(a, chooser, comparison):
    import tiktoken
    # Each byte with each of these before and behind it: tokens that no border of pieces lets through.
    ranks = {bytes([byte]): byte for byte in range(256)}
    for byte in range(256):
        for other in b"Zq 7!\n":
            for token in (bytes([other, byte]), bytes([byte, other])):
                ranks.setdefault(token, len(ranks))
    path = comparison.folder / "scalars.tiktoken"
    path.write_bytes(b"".join(base64.b64encode(token) + b" %d\n" % rank for token, rank in ranks.items()))
    line = lambda c: f"Z{c}Z q{c}q q{c}Z Z{c}q  {c}q 7{c}7 !{c}! !{c}\n\n  {c}\n {c}\n"
    scalars = [value for value in range(0x110000) if not 0xD800 <= value < 0xE000]
    groups = [scalars[start:start + 200] for start in range(0, len(scalars), 200)]
    patterns = {"gpt-2": GPT2, "cl100k": PATTERNS["cl100k_base"], "o200k": PATTERNS["o200k_base"]}
    for name, pattern in patterns.items():
        encode = tiktoken.Encoding(
            name, pat_str=pattern, special_tokens={}, mergeable_ranks=ranks).encode_ordinary
        wrong = []
        for start in range(0, len(groups), 1000):
            part = groups[start:start + 1000]
            texts = ["".join(line(chr(value)) for value in group) for group in part]
            for group, text, found in zip(part, texts, comparison.ids(path, texts, ["--pattern", name])):
                if encode(text) == found:
                    continue
                lines = [line(chr(value)) for value in group]
                each = comparison.ids(path, lines, ["--pattern", name])
                wrong += [v for v, text, ids in zip(group, lines, each) if encode(text) != ids]
        ranges = []
        for value in wrong:
            if ranges and ranges[-1][1] == value - 1:
                ranges[-1][1] = value
            else:
                ranges.append([value, value])
        print(f"{name}: {len(scalars)} scalars, {len(wrong)} differ:",
              " ".join(f"{first:X}-{last:X}" if first < last else f"{first:X}" for first, last in ranges), flush=True)


def compare_sentencepiece(a, chooser, comparison):
    import gguf
    from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers
    fields = gguf.GGUFReader(f"{a.data}/tokenizers/phi3-spm/ggml-vocab-phi-3.gguf").fields
    part = lambda key: [fields[f"tokenizer.ggml.{key}"].parts[i] for i in fields[f"tokenizer.ggml.{key}"].data]
    names = [bytes(p).decode() for p in part("tokens")]
    scores, kinds = [float(p[0]) for p in part("scores")], [int(p[0]) for p in part("token_type")]
    vocabulary = {}
    for index, name in enumerate(names):
        vocabulary.setdefault(name, index)
    normal = {name: index for name, index in vocabulary.items() if kinds[index] == 1}
    merges = []
    for name, index in normal.items():
        pairs = [(name[:k], name[k:]) for k in range(1, len(name)) if name[:k] in normal and name[k:] in normal]
        pairs.sort(key=lambda pair: (normal[pair[0]], normal[pair[1]]))
        merges += [(-scores[index], pair) for pair in pairs]
    merges.sort(key=lambda merge: merge[0])
    mark = "\u2581"
    replace = normalizers.Replace(" ", mark)
    ways = {
        "Prepend and Replace": (normalizers.Sequence([normalizers.Prepend(mark), replace]), None),
        "Replace": (replace, None),
        "Metaspace, first": (None, pre_tokenizers.Metaspace(mark, "first", False)),
        "Metaspace, always": (None, pre_tokenizers.Metaspace(mark, "always", False)),
    }
    words = "the a Hello wörld été 中文 日本 😀 don't 123 3.14 \n \t  <|user|> <|end|> <s> foo_bar (x) == ▁ é\u0301 Привет \x00"
    texts = ["".join(chooser.choice(words.split(" ")) + chooser.choice(["", " ", "  "])
                     for _ in range(chooser.randrange(1, 30))) or "a" for _ in range(a.strings)]
    texts += [open(f, encoding="utf-8", newline="").read() for f in sorted(glob.glob(f"{a.data}/text/udhr/*.txt"))]
    for way, (normalizer, pre_tokenizer) in ways.items():
        reference = Tokenizer(models.BPE(
            vocab=vocabulary, merges=[pair for _, pair in merges], unk_token="<unk>", fuse_unk=True, byte_fallback=True))
        if normalizer:
            reference.normalizer = normalizer
        if pre_tokenizer:
            reference.pre_tokenizer = pre_tokenizer
        reference.add_special_tokens(
            [AddedToken(names[i], normalized=False, special=True) for i in range(len(names)) if kinds[i] == 3])
        path = str(comparison.folder / "tokenizer.json")
        reference.save(path)
        comparison.check(way, path, texts, lambda text: reference.encode(text, add_special_tokens=False).ids,
                         "--parse-special")
    # What Choroy writes of the GGUF, opened there.
    gguf_file = f"{a.data}/tokenizers/phi3-spm/ggml-vocab-phi-3.gguf"
    subprocess.run([comparison.choroy, "tokenizer", "convert", gguf_file, "--to", "json", "--output", comparison.folder / "written"],
                   check=True, stdout=subprocess.DEVNULL)
    reference = Tokenizer.from_file(str(comparison.folder / "written/tokenizer.json"))
    comparison.check("written from GGUF", gguf_file, texts,
                     lambda text: reference.encode(text, add_special_tokens=False).ids, "--parse-special")


def compare_added(a, chooser, comparison):
    from tokenizers import AddedToken, Tokenizer, normalizers
    parts = ["<l>", "<r>", "<b>", "word", "xy", "wl", " ", "  ", "\n", "\t", "\u3000", "a", "_", "1", "é", "e\u0301", "ﬁ",
             "²", "Å", ".", "中", "\u0301", "<", ">", "words", "sword", "<l", "Wort", "ÀÉ", "İ", "Σ", "XY", "<L>", "<|im_start|>", "가", "\u1100\u1161"]
    texts = ["".join(chooser.choice(parts) for _ in range(chooser.randrange(1, 25))) for _ in range(a.strings)]
    n = normalizers
    for form in [None, n.NFC(), n.NFD(), n.NFKC(), n.NFKD(), n.Lowercase(), n.Strip(), n.Strip(right=False), n.StripAccents(),
                 n.Replace("wo", "xy"), n.Prepend("wl"), n.Sequence([n.NFD(), n.StripAccents(), n.Lowercase(), n.Prepend(" ")])]:
        reference = Tokenizer.from_file(a.tokenizer)
        if form:
            reference.normalizer = form
        reference.add_tokens([
            AddedToken("<l>", lstrip=True, normalized=False), AddedToken("<r>", rstrip=True, normalized=False),
            AddedToken("<b>", lstrip=True, rstrip=True, normalized=False),
            AddedToken("word", single_word=True, normalized=False), AddedToken("xy", normalized=True),
            AddedToken("wl", single_word=True, lstrip=True, normalized=True), AddedToken("Wort", normalized=True)])
        path = str(comparison.folder / "tokenizer.json")
        reference.save(path)
        name = type(form).__name__ if form else "no normalizer"
        comparison.check(name, path, texts, lambda text: reference.encode(text, add_special_tokens=False).ids,
                         "--parse-special")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["tiktoken", "scalars", "sentencepiece", "added"])
    parser.add_argument("--strings", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", default="../shared/data")
    parser.add_argument("--tokenizer")
    parser.add_argument("--choroy", default=".build/release/choroy")
    a = parser.parse_args()
    if a.what == "added" and not a.tokenizer:
        parser.error("added needs --tokenizer, a byte-level tokenizer.json")
    with tempfile.TemporaryDirectory() as folder:
        comparison = Comparison(a.choroy, folder)
        {"tiktoken": compare_tiktoken, "scalars": compare_scalars, "sentencepiece": compare_sentencepiece, "added": compare_added}[a.what](
            a, random.Random(a.seed), comparison)
    sys.exit(1 if comparison.wrong else 0)


if __name__ == "__main__":
    main()
