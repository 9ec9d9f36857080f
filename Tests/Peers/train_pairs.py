#!/usr/bin/env python3
"""Training speed of Choroy beside PyTorch's, in turns on one machine.

usage: train_pairs.py --data TEXT [--case T1] [--case T2] [--rounds 3] [--torch-python PYTHON]
                      [--torch-script train_torch.py] [--modes eager] [--choroy .build/release/choroy]
                      [--precision float32] [--cpu avx2]

Each round runs `choroy bench train` and then the PyTorch script, which must print a line
`RESULT {json}` with tok_s and rss_mb for `--cfg CASE --data TEXT` (+ --bf16, --compile). Prints one line a case:
medians with minimum and maximum, and the ratio of the medians.
"""
import argparse, json, statistics, subprocess, sys

MODES = {"eager": [], "bf16": ["--bf16"], "compile": ["--compile"], "compile-bf16": ["--compile", "--bf16"]}


def choroy(program, case, threads, flags):
    out = subprocess.run(
        [program, "bench", "train", "--case", case, "--runs", "3", "--json", "--threads", str(threads), *flags],
        check=True, capture_output=True, text=True).stdout
    rows = [json.loads(line) for line in out.splitlines()]
    values = {row["metric"]: row["value"] for row in rows}
    return values["tokens_per_second"], values["peak_rss_bytes"] / 2**20, rows[0]["precision"]


def torch(python, script, case, data, threads, flags):
    out = subprocess.run(
        [python, script, "--cfg", case, "--data", data, "--threads", str(threads), "--reps", "3", *flags],
        check=True, capture_output=True, text=True).stdout
    line = next(line for line in out.splitlines() if line.startswith("RESULT "))
    result = json.loads(line[len("RESULT "):])
    return result["tok_s"], result["rss_mb"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", action="append")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", required=True)
    parser.add_argument("--choroy", default=".build/release/choroy")
    parser.add_argument("--torch-python", default=sys.executable)
    parser.add_argument("--torch-script", default="../shared/peers/train_torch.py")
    parser.add_argument("--modes", nargs="+", default=["eager"], choices=MODES)
    parser.add_argument("--precision")
    parser.add_argument("--cpu")
    a = parser.parse_args()
    flags = [x for name in ["precision", "cpu"] if getattr(a, name) for x in ["--" + name, getattr(a, name)]]
    for case in a.case or ["T1", "T2"]:
        ours, theirs = [], {mode: [] for mode in a.modes}
        for _ in range(a.rounds):
            ours.append(choroy(a.choroy, case, a.threads, flags))
            for mode in a.modes:
                theirs[mode].append(torch(
                    a.torch_python, a.torch_script, case, a.data, a.threads, MODES[mode]))
        speeds = [speed for speed, _, _ in ours]
        print(f"{case} choroy {' '.join([ours[0][2], a.cpu or ''])}: {statistics.median(speeds):.0f} tokens/s "
              f"({min(speeds):.0f} to {max(speeds):.0f}), {max(m for _, m, _ in ours):.0f} MB")
        for mode in a.modes:
            peer = [speed for speed, _ in theirs[mode]]
            ratio = statistics.median(speeds) / statistics.median(peer)
            print(f"{case} PyTorch {mode}: {statistics.median(peer):.0f} tokens/s "
                  f"({min(peer):.0f} to {max(peer):.0f}), {max(m for _, m in theirs[mode]):.0f} MB; "
                  f"choroy is {ratio:.2f} times as fast", flush=True)


main()
