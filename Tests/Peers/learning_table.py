#!/usr/bin/env python3
"""Trains one model for each line of settings and tells how well each learned, for what work.

usage: learning_table.py TEXT --work DIR [--settings FILE] [--choroy .build/release/choroy] [--threads 1]
                         [--seeds 1 2 3] [--held-out FILE]

A line of settings is a name and options of `choroy train`:

    bpe512-muon --vocab-size 512 --preset micro --steps 2000 --optimizer muon

Runs have a number of steps, not minutes, so the machine's other work changes no result, only wall time;
the work is told in seconds of processor time. The number to choose by is of the pieces of TEXT that
`train` holds back itself, in bits per byte (times 0.6931 are nats per character of an ASCII text);
--held-out is scored too, but only for the final figures. Prints a Markdown table line a run as it ends;
a run that is in DIR already is not done again.
"""
import argparse, json, os, pathlib, resource, shlex, statistics, subprocess, sys


def run(program, text, directory, options, threads, seed):
    record = directory.with_suffix(".json")
    if record.exists():
        return json.loads(record.read_text())
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    out = subprocess.run(
        [program, "train", text, "--output", str(directory), "--json", "--threads", str(threads),
         "--seed", str(seed), "--evaluate-every", "100000", *options],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    result = json.loads(out)
    result["cpu_seconds"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    record.write_text(json.dumps(result) + "\n")
    return result


def held_out(program, directory, path):
    out = subprocess.run([program, "evaluate", str(directory), path, "--json"], check=True,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    result = json.loads(out)
    return result["nats"] / result["bytes"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("text")
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--settings", type=argparse.FileType(), default=sys.stdin)
    parser.add_argument("--choroy", default=".build/release/choroy")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--held-out")
    a = parser.parse_args()
    a.work.mkdir(parents=True, exist_ok=True)
    print("| setting | parameters | tokens | CPU seconds | bits per byte | nats a byte |"
          + (" held out, nats a byte |" if a.held_out else ""))
    print("|---|---|---|---|---|---|" + ("---|" if a.held_out else ""), flush=True)
    for line in a.settings:
        words = shlex.split(line, comments=True)
        if not words:
            continue
        name, options = words[0], words[1:]
        results, finals = [], []
        for seed in a.seeds:
            directory = a.work / f"{name}-{seed}"
            try:
                results.append(run(a.choroy, a.text, directory, options, a.threads, seed))
                if a.held_out:
                    finals.append(held_out(a.choroy, directory, a.held_out))
            except subprocess.CalledProcessError as error:
                print(f"| {name} | failed with {error.returncode} |", flush=True)
        if not results:
            continue
        bits = statistics.median(r["validation_bits_per_byte"] for r in results)
        cells = [name, f"{results[0]['parameters']:,}", f"{results[0]['tokens']:,}",
                 f"{statistics.median(r['cpu_seconds'] for r in results):.0f}", f"{bits:.4f}",
                 f"{bits * 0.693147:.4f}"]
        if finals:
            cells.append(f"{statistics.median(finals):.4f}")
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
