#!/usr/bin/env python3
"""Estimates an n-gram model with Choroy and with KenLM's lmplz, and compares every number, the time and the memory.

usage: ngram_pairs.py TEXT --lmplz PATH/lmplz [--order 5] [--prune 0 0 1] [--limit-vocab FILE] [--rounds 3]
                      [--choroy .build/release/choroy]

TEXT has a sentence on each line, its words between spaces, and ends with a line end. Prints the n-grams of each order,
the largest difference of a log10 probability and of a back-off weight, and medians over rounds in turns. Ends
with 1 when an n-gram is in one model only or a number differs by more than 1e-4. Made with KenLM 0.3.0.
"""
import argparse, os, statistics, subprocess, sys, tempfile, time


def run(command, **more):
    """Seconds and MiB of a process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, **more)
    error = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command[0]} ended with {os.waitstatus_to_exitcode(status)}:\n{error}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def sections(path):
    """For each order the n-grams with their log10 probability and back-off weight, 0 for none."""
    orders = []
    with open(path, "rb") as file:
        for line in file:
            line = line.rstrip(b"\n")
            if line.endswith(b"-grams:"):
                orders.append({})
            elif orders and b"\t" in line:
                probability, words, *backoff = line.split(b"\t")
                orders[-1][words] = float(probability), float(backoff[0]) if backoff else 0.0
    return orders


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("text")
    parser.add_argument("--lmplz", required=True)
    parser.add_argument("--order", type=int, default=5)
    parser.add_argument("--prune", nargs="*", default=[])
    parser.add_argument("--limit-vocab")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--choroy", default=".build/release/choroy")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = os.path.join(folder, "ours.arpa"), os.path.join(folder, "theirs.arpa")
        prune = ["--prune", *a.prune] if a.prune else []
        command = [a.choroy, "ngram", a.text, "--order", str(a.order), "--output", ours, *prune]
        lmplz = [a.lmplz, "-o", str(a.order), "--discount_fallback", "--skip_symbols", "-S", "4G", "--arpa", theirs,
                 "-T", folder, *prune]
        if a.limit_vocab:
            command += ["--limit-vocab", a.limit_vocab]
            lmplz += ["--limit_vocab_file", a.limit_vocab]
        times = {"choroy": [], "lmplz": []}
        for _ in range(a.rounds):
            times["choroy"].append(run(command))
            with open(a.text, "rb") as text:
                times["lmplz"].append(run(lmplz, stdin=text))
        worst, lost = [0.0, 0.0], 0
        for order, (mine, other) in enumerate(zip(sections(ours), sections(theirs), strict=True), 1):
            lost += len(mine.keys() ^ other.keys())
            for words in mine.keys() & other.keys():
                for kind in (0, 1):
                    if (order, words) == (1, b"<s>") and kind == 0:
                        continue  # never predicted: 0 or -99
                    worst[kind] = max(worst[kind], abs(mine[words][kind] - other[words][kind]))
            print(f"order {order}: {len(mine):,} n-grams, {len(mine.keys() ^ other.keys())} in one model only")
        print(f"largest difference: probability {worst[0]:.1e}, back-off {worst[1]:.1e}")
        for name, values in times.items():
            seconds, memory = zip(*values)
            print(f"{name}: {statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f}), "
                  f"{statistics.median(memory):.0f} MiB")
    return 1 if lost or max(worst) > 1e-4 else 0


if __name__ == "__main__":
    sys.exit(main())
