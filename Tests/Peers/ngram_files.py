#!/usr/bin/env python3
"""From a text to a model that answers, with Choroy's `.ngram` files and with KenLM's binary ones: time, memory, size, speed.

usage: ngram_files.py TRAIN HELDOUT --kenlm BUILD/bin [--order 5] [--rounds 3] [--work DIR] [--choroy .build/release/choroy]

Both texts have a sentence on each line, their words between spaces. Prints medians over rounds in turns: seconds and MiB to
make each file from the text (KenLM: lmplz and build_binary), its size, tokens a second of the held-out text in one thread
(`bench ngram`, from bytes in memory to logarithms; KenLM's `query -v summary`, by its whole time and by its own processor
time), and the perplexity that each prints. Made with KenLM 0.3.0.
"""
import argparse, json, os, pathlib, re, statistics, subprocess, sys, time


def run(command, stdin=None, stdout=subprocess.DEVNULL):
    """Seconds, MiB and what a process printed on standard error."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE)
    error = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command[0]} ended with {os.waitstatus_to_exitcode(status)}:\n{error}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024, error


def ours(a, work, layout, memory, results):
    path = work / f"{layout}.ngram"
    limit = ["--memory", memory] if memory else []
    seconds, mib, _ = run([a.choroy, "ngram", a.train, "--order", str(a.order), "--layout", layout,
                           "--output", str(path), *limit])
    name = f"choroy {layout}" + (f", --memory {memory}" if memory else "")
    row = results.setdefault(name, {})
    row.setdefault("seconds", []).append(seconds)
    row.setdefault("MiB", []).append(mib)
    row["size"] = path.stat().st_size
    if memory:
        return
    out = subprocess.run([a.choroy, "bench", "ngram", str(path), a.heldout, "--threads", "1", "--runs", "5", "--json"],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in map(json.loads, out.splitlines()):
        if line["metric"] == "score_first_tokens_per_second":
            row.setdefault("speed", []).append(line["value"])
        if line["metric"] == "open_milliseconds":
            row.setdefault("open", []).append(line["value"])
    out = subprocess.run([a.choroy, "evaluate", str(path), a.heldout, "--json"], check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    row["perplexity"] = json.loads(out)["perplexity_including_oov"]


def theirs(a, work, kind, arpa, results):
    path = work / f"kenlm.{kind.split()[0]}"
    seconds, mib, _ = run([f"{a.kenlm}/build_binary", *kind.split()[1:], kind.split()[0], str(work / "kenlm.arpa"), str(path)])
    row = results.setdefault(f"KenLM {kind}", {})
    row.setdefault("seconds", []).append(arpa[0] + seconds)
    row.setdefault("MiB", []).append(max(arpa[1], mib))
    row["size"] = path.stat().st_size
    for _ in range(3):
        with open(a.heldout) as text, open(work / "query.out", "w") as out:
            seconds, _, error = run([f"{a.kenlm}/query", "-v", "summary", str(path)], text, out)
        said = error + (work / "query.out").read_text()
        tokens = int(re.search(r"Tokens:\s*(\d+)", said)[1])
        row.setdefault("speed", []).append(tokens / seconds)
        row.setdefault("own", []).append(tokens / float(re.search(r"user:([\d.]+)", said)[1]))
    row["perplexity"] = float(re.search(r"including OOVs:\s*([\d.]+)", said)[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("heldout")
    parser.add_argument("--kenlm", required=True)
    parser.add_argument("--order", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", default="ngram-files", type=pathlib.Path)
    parser.add_argument("--choroy", default=".build/release/choroy")
    a = parser.parse_args()
    a.work.mkdir(parents=True, exist_ok=True)
    results = {}
    for _ in range(a.rounds):
        for layout in ["fast", "compact", "quantized"]:
            ours(a, a.work, layout, None, results)
        for memory in ["512M", "128M", "64M"]:
            ours(a, a.work, "fast", memory, results)
        seconds, mib, _ = run([a.choroy, "ngram", a.train, "--order", str(a.order), "--output", str(a.work / "m.arpa")])
        row = results.setdefault("choroy ARPA", {"size": (a.work / "m.arpa").stat().st_size})
        row.setdefault("seconds", []).append(seconds)
        row.setdefault("MiB", []).append(mib)
        for memory in ["512M", "64M", "4G"]:
            with open(a.train) as text, open(a.work / "kenlm.arpa", "w") as out:
                arpa = run([f"{a.kenlm}/lmplz", "-o", str(a.order), "-S", memory, "-T", str(a.work), "--skip_symbols"], text, out)
            row = results.setdefault(f"KenLM ARPA (lmplz -S {memory})", {"size": (a.work / "kenlm.arpa").stat().st_size})
            row.setdefault("seconds", []).append(arpa[0])
            row.setdefault("MiB", []).append(arpa[1])
        for kind in ["probing", "trie", "trie -q 8 -b 8 -a 22"]:
            theirs(a, a.work, kind, arpa, results)
    print("| | seconds from text | MiB | MB on disk | ms to open | M tokens/s | by its own processor time | perplexity |")
    print("|---|---|---|---|---|---|---|---|")

    def median(row, key, digits, scale=1):
        return f"{statistics.median(row[key]) / scale:.{digits}f}" if key in row else ""

    for name, row in results.items():
        perplexity = f"{row['perplexity']:.4f}" if "perplexity" in row else ""
        print(f"| {name} | {median(row, 'seconds', 2)} | {median(row, 'MiB', 0)} | {row['size'] / 1e6:.1f} "
              f"| {median(row, 'open', 0)} | {median(row, 'speed', 2, 1e6)} | {median(row, 'own', 2, 1e6)} | {perplexity} |")


main()
