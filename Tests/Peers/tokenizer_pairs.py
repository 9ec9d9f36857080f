#!/usr/bin/env python3
"""Encoding and decoding speed of Choroy beside other tokenizers, in turns on one core.

usage: tokenizer_pairs.py TEXT... --tokenizer tok/tokenizer.json [--rounds 3] [--peers gigatoken tokie tiktoken tokenizers]
                          [--python PYTHON] [--choroy .build/release/choroy] [--threads 1]

Each round starts one process a program: `choroy bench tokenizer`, and a Python process for each peer, which
is called through Python, text and ids as Python has them. cold is the first call of a tokenizer that was just
made, warm the median of later ones. All must give the same ids: the number of tokens is compared, and
a checksum among the peers. Prints a Markdown table for each text: medians over the rounds in MB/s (1,000,000 bytes).

tiktoken gets the ranks of the file's merges and the pattern that the file names, tokie and gigatoken read the file.
"""
import argparse, json, os, statistics, subprocess, sys, time

PATTERNS = {
    "gpt-2": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "llama-bpe": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
                 r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}


def alphabet():
    plain = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    rest = [b for b in range(256) if b not in plain]
    return {chr(c): b for b, c in list(zip(plain, plain)) + list(zip(rest, range(256, 512)))}


def peer(name, path, text_path):
    text = open(text_path, encoding="utf-8", newline="").read()
    size = len(text.encode())
    file = json.load(open(path))
    if name == "gigatoken":
        import gigatoken
        make = lambda: gigatoken.Tokenizer(path)
        encode = lambda t: t.encode(text)
        decode = lambda t, ids: t.decode(ids)
    elif name == "tokie":
        import tokie
        make = lambda: tokie.Tokenizer.from_json(path)
        encode = lambda t: t.encode(text, add_special_tokens=False).ids
        decode = lambda t, ids: t.decode(ids)
    elif name == "tokenizers":
        import tokenizers
        make = lambda: tokenizers.Tokenizer.from_file(path)
        encode = lambda t: t.encode(text, add_special_tokens=False).ids
        decode = lambda t, ids: t.decode(ids, skip_special_tokens=False)
    else:
        import tiktoken
        letters = alphabet()
        added = {t["content"] for t in file["added_tokens"]}
        ranks = {bytes(letters[c] for c in t): i for t, i in file["model"]["vocab"].items() if t not in added}
        stage = file["pre_tokenizer"]
        pattern = PATTERNS["llama-bpe" if "Split" in json.dumps(stage) else "gpt-2"]
        make = lambda: tiktoken.Encoding("x", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
        encode = lambda t: t.encode_ordinary(text)
        decode = lambda t, ids: t.decode(ids)
    cold = []
    for _ in range(3):
        tokenizer = make()
        start = time.perf_counter()
        encode(tokenizer)
        cold.append(size / (time.perf_counter() - start))
    ids = encode(tokenizer)
    warm, decoded = [], []
    for _ in range(1 if name == "tokenizers" else 5):
        start = time.perf_counter()
        ids = encode(tokenizer)
        middle = time.perf_counter()
        again = decode(tokenizer, ids)
        end = time.perf_counter()
        warm.append(size / (middle - start))
        decoded.append(size / (end - middle))
    print(json.dumps({"cold": statistics.median(cold), "warm": statistics.median(warm),
                      "decode": statistics.median(decoded), "tokens": len(ids)}))


def ours(program, path, text, threads, core):
    out = subprocess.run(
        [*core, program, "bench", "tokenizer", text, "--tokenizer", path, "--threads", str(threads), "--json"],
        check=True, capture_output=True, text=True).stdout
    values = {row["metric"]: row["value"] for row in map(json.loads, out.splitlines())}
    return {"cold": values["encode_cold_bytes_per_second"], "warm": values["encode_warm_bytes_per_second"],
            "decode": values["decode_bytes_per_second"], "tokens": int(values["tokens"])}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("text", nargs="+")
    parser.add_argument("--tokenizer", required=True, help="a tokenizer.json")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--peers", nargs="*", default=["gigatoken", "tokie", "tiktoken", "tokenizers"])
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--choroy", default=".build/release/choroy")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.peer:
        return peer(a.peer, a.tokenizer, a.text[0])
    for text in a.text:
        compare(a, text)


def compare(a, text):
    core = ["taskset", "-c", "0"] if a.threads == 1 else []
    os.environ["RAYON_NUM_THREADS"] = str(a.threads)
    results = {name: [] for name in ["choroy", *a.peers]}
    for _ in range(a.rounds):
        results["choroy"].append(ours(a.choroy, a.tokenizer, text, a.threads, core))
        for name in a.peers:
            out = subprocess.run(
                [*core, a.python, __file__, text, "--tokenizer", a.tokenizer, "--peer", name],
                capture_output=True, text=True)
            if out.returncode == 0:
                results[name].append(json.loads(out.stdout.splitlines()[-1]))
            else:
                print(f"{name}: {out.stderr.strip().splitlines()[-1]}", file=sys.stderr)
    print(f"| {os.path.basename(text)} | cold | warm | decode | tokens |\n|---|---|---|---|---|")
    for name, rounds in results.items():
        if not rounds:
            continue
        def cell(key):
            values = [r[key] / 1e6 for r in rounds]
            return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"
        print(f"| {name} | {cell('cold')} | {cell('warm')} | {cell('decode')} | {rounds[0]['tokens']:,} |", flush=True)


if __name__ == "__main__":
    main()
