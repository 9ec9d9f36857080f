#!/usr/bin/env python3
"""Training speed of LoRA adapters: Choroy beside peft, in turns on one machine.

usage: lora_pairs.py [--case T2] [--rounds 3] [--threads 2] [--modes f32 autocast]
                     [--python PYTHON] [--choroy .build/release/choroy] [--precisions float32 bfloat16]

Both train rank 16, alpha 32, all seven projections, AdamW, on random tokens with a random frozen base of
the case's shape; a step is the same batch size and context. Each round runs `choroy bench train` once for
each precision and peft once for each mode. Prints medians with minimum and maximum, peak RSS, and ratios.
peft needs torch, transformers and peft in --python; no network.
"""
import argparse, json, os, resource, statistics, subprocess, sys, time

SHAPES = {
    "T1": dict(vocab=65, hidden=128, inner=352, layers=4, heads=4, kv=4, context=64, batch=12, steps=100),
    "T2": dict(vocab=4096, hidden=384, inner=1024, layers=6, heads=6, kv=6, context=256, batch=32, steps=3),
    "T3": dict(vocab=49152, hidden=576, inner=1536, layers=30, heads=9, kv=3, context=512, batch=4, steps=1),
}


def peer(case, mode, threads, runs):
    """One measurement of peft in this process."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    s = SHAPES[case]
    config = LlamaConfig(
        vocab_size=s["vocab"], hidden_size=s["hidden"], intermediate_size=s["inner"],
        num_hidden_layers=s["layers"], num_attention_heads=s["heads"], num_key_value_heads=s["kv"],
        max_position_embeddings=s["context"], tie_word_embeddings=True, use_cache=False)
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    model = get_peft_model(LlamaForCausalLM(config), LoraConfig(
        r=16, lora_alpha=32, lora_dropout=0.0, target_modules=targets, task_type="CAUSAL_LM"))
    model.train()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=2e-4, fused=True)

    def step():
        x = torch.randint(0, s["vocab"], (s["batch"], s["context"]))
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mode == "autocast"):
            loss = model(input_ids=x, labels=x).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    for _ in range(max(2, s["steps"] // 3)):
        step()
    rates = []
    for _ in range(runs):
        start = time.perf_counter()
        for _ in range(s["steps"]):
            step()
        rates.append(s["steps"] * s["batch"] * s["context"] / (time.perf_counter() - start))
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print("RESULT", json.dumps(dict(
        rate=statistics.median(rates), rss=rss, trained=sum(p.numel() for p in trained))))


def run_peer(a, case, mode):
    out = subprocess.run(
        [a.python, __file__, "--peer", mode, "--case", case, "--threads", str(a.threads),
         "--runs", str(a.runs)], check=True, capture_output=True, text=True).stdout
    result = json.loads(next(l for l in out.splitlines() if l.startswith("RESULT "))[7:])
    return result["rate"], result["rss"]


def run_choroy(a, case, precision):
    out = subprocess.run(
        [a.choroy, "bench", "train", "--case", f"{case}-lora", "--runs", str(a.runs), "--json",
         "--threads", str(a.threads), "--precision", precision],
        check=True, capture_output=True, text=True).stdout
    values = {row["metric"]: row["value"] for row in map(json.loads, out.splitlines())}
    return values["tokens_per_second"], values["peak_rss_bytes"] / 2**20


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", action="append", choices=SHAPES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--modes", nargs="+", default=["f32", "autocast"])
    parser.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--choroy", default=".build/release/choroy")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.peer:
        return peer(a.case[0], a.peer, a.threads, a.runs)
    for case in a.case or ["T2"]:
        ours = {precision: [] for precision in a.precisions}
        theirs = {mode: [] for mode in a.modes}
        for _ in range(a.rounds):
            for precision in a.precisions:
                ours[precision].append(run_choroy(a, case, precision))
            for mode in a.modes:
                theirs[mode].append(run_peer(a, case, mode))

        def line(name, results):
            rates = [rate for rate, _ in results]
            print(f"{case}-lora {name}: {statistics.median(rates):.0f} tokens/s "
                  f"({min(rates):.0f} to {max(rates):.0f}), {max(m for _, m in results):.0f} MB")
            return statistics.median(rates)
        medians = {f"choroy {p}": line(f"choroy {p}", r) for p, r in ours.items()}
        for mode, results in theirs.items():
            median = line(f"peft {mode}", results)
            for name, own in medians.items():
                print(f"  {name} is {own / median:.2f} times as fast", flush=True)


main()
