#!/usr/bin/env python3
"""Compares what `choroy evaluate` says of a model of words with KenLM's query, and with SRILM's formulas.

usage: query_figures.py TRAIN HELDOUT --query PATH/query --lmplz PATH/lmplz [--order 3] [--arpa KENLM.arpa]
                        [--choroy .build/release/choroy]

TRAIN and HELDOUT have a sentence on each line, its words between spaces; HELDOUT ends with a line end. Scores HELDOUT,
and the same with empty lines, runs of spaces and tabs, and lines joined into one (--document-mode), with an ARPA file
of KenLM's lmplz (or the one given, for sentences) and with our own estimate. Prints relative differences; ends with 1
when a count differs, when KenLM's file gives a perplexity that differs in any printed digit, or ours one that differs by
more than 1e-4. SRILM's figures are computed from KenLM's words by SRILM's formulas. Made with KenLM 0.3.0.
"""
import argparse, json, os, re, subprocess, sys, tempfile


def query(program, model, text):
    """Figures of KenLM: sums over its words for SRILM's, its summary for its own."""
    with open(text, "rb") as file:
        output = subprocess.run([program, "-v", "word", "-v", "sentence", "-v", "summary", model], stdin=file,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout.decode()
    log10, words, oovs, sentences = 0.0, 0, 0, 0
    for line in output.split("\n"):
        if "Total:" not in line:
            continue
        for field in line.split("\t")[:-1]:
            name, _, value = field.rsplit(" ", 2)
            if name.startswith("</s>="):
                sentences += 1
            else:
                words += 1
                if name.endswith("=0"):
                    oovs += 1
                    continue
            log10 += float(value)
    def number(name):
        return float(re.search(r"(?m)" + name + r":\t(\S+)", output).group(1))
    return {
        "perplexity_including_oov": number("including OOVs"), "perplexity_excluding_oov": number("excluding OOVs"),
        "oovs": number("^OOVs"), "tokens": number("Tokens"), "sentences": sentences, "words": words,
        "ppl": 10 ** (-log10 / (words - oovs + sentences)), "ppl1": 10 ** (-log10 / (words - oovs)),
        "log10_probability_excluding_oov": log10,
    }


def evaluate(program, model, text, *options):
    return json.loads(subprocess.run([program, "evaluate", model, text, "--json", *options], check=True,
                                     stdout=subprocess.PIPE).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("heldout")
    parser.add_argument("--query", required=True)
    parser.add_argument("--lmplz", required=True)
    parser.add_argument("--arpa")
    parser.add_argument("--order", type=int, default=3)
    parser.add_argument("--choroy", default=".build/release/choroy")
    a = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        def path(name):
            return os.path.join(folder, name)
        theirs = a.arpa or path("theirs.arpa")
        if not a.arpa:
            with open(a.train, "rb") as text:
                subprocess.run([a.lmplz, "-o", str(a.order), "--discount_fallback", "--skip_symbols", "-S", "1G", "--arpa",
                                theirs, "-T", folder], stdin=text, stderr=subprocess.DEVNULL, check=True)
        for mode in ([], ["--document-mode"]):
            subprocess.run([a.choroy, "ngram", a.train, "--order", str(a.order), "--output", path("ours.arpa"), *mode],
                           stderr=subprocess.DEVNULL, check=True)
            with open(a.heldout, "rb") as file:
                plain = file.read()
            if mode:
                # One line for KenLM to learn from, and one to score.
                with open(a.train, "rb") as file:
                    joined = b" ".join(file.read().split()) + b"\n"
                theirs = path("joined.arpa")
                subprocess.run([a.lmplz, "-o", str(a.order), "--discount_fallback", "--skip_symbols", "-S", "1G",
                                "--arpa", theirs, "-T", folder], input=joined, stderr=subprocess.DEVNULL, check=True)
                texts = {"a document": (plain, b" ".join(plain.split()) + b"\n")}
            else:
                spaced = plain.replace(b" ", b"  ").replace(b" the ", b" \t the").replace(b"\n", b" \n\n", 50)
                texts = {"sentences": (plain, plain), "spaces, tabs, empty lines": (spaced, spaced)}
            for name, (ours, kenlm) in texts.items():
                for file, content in (("ours.txt", ours), ("kenlm.txt", kenlm)):
                    with open(path(file), "wb") as out:
                        out.write(content)
                expected = query(a.query, theirs, path("kenlm.txt"))
                for model, limit in ((theirs, 1e-14), (path("ours.arpa"), 1e-4)):
                    found = evaluate(a.choroy, model, path("ours.txt"), *mode)
                    worst = {key: abs(found[key] / value - 1) if value else abs(found[key])
                             for key, value in expected.items()}
                    counts = all(found[key] == expected[key] for key in ("oovs", "tokens", "sentences", "words"))
                    printed = max(worst["perplexity_including_oov"], worst["perplexity_excluding_oov"])
                    failed |= not counts or printed > limit or max(worst.values()) > 1e-4
                    print(f"{name}, {'KenLM' if model == theirs else 'our'} ARPA: "
                          f"{found['words']:,} words, {found['sentences']:,} ends, {found['oovs']:,} OOVs, "
                          f"{'the same counts' if counts else 'OTHER COUNTS than KenLM'}")
                    for key in ("perplexity_including_oov", "perplexity_excluding_oov", "ppl", "ppl1"):
                        print(f"    {key} {found[key]:.10f}, KenLM {expected[key]:.10f}, differs by {worst[key]:.1e}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
