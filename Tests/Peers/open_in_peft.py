"""Opens an adapter that Choroy wrote in peft and compares the nats of a text with Choroy's.

    python3 open_in_peft.py MODEL_DIR ADAPTER_DIR TEXT_FILE [--choroy .build/release/choroy]
                            [--compare LOGITS.json] [--tolerance 1e-4]

Loads MODEL_DIR with transformers and ADAPTER_DIR with peft, scores TEXT_FILE as Hugging Face does (a
sliding window of the model's context) and compares with `choroy evaluate --convention sliding`: exits 1
when the mean nats of a token differ by more than --tolerance. TEXT_FILE is one document, without
<|endoftext|>: Choroy does not score the first token of a document. --compare reads
{"input_ids": [...], "logits": [[...], ...]} from elsewhere and compares every logit (max-abs) instead.
Keys of the adapter that peft misses or does not expect are errors too. stdout: one JSON object.
"""

import argparse
import json
import os
import subprocess
import sys
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy
import peft
import safetensors.torch
import torch
import transformers


def check_keys(model, directory):
    """peft only warns of missing keys: every tensor must have a place, and every place a tensor."""
    file = set(safetensors.torch.load_file(os.path.join(directory, "adapter_model.safetensors")))
    wanted = set(peft.get_peft_model_state_dict(model, save_embedding_layers=False))
    if file != wanted:
        sys.exit(f"keys differ: only in the file {sorted(file - wanted)[:3]}, "
                 f"only in peft {sorted(wanted - file)[:3]}")


def nats(model, ids, context):
    """Summed nats of all tokens but the first, windows of `context` at a stride of half of it."""
    total, count, end_before = 0.0, 0, 0
    for begin in range(0, len(ids), max(1, context // 2)):
        end = min(begin + context, len(ids))
        window = torch.tensor(ids[begin:end])
        fresh = min(end - end_before, end - begin - 1)
        with torch.no_grad():
            scores = torch.log_softmax(model(window[None]).logits[0].double(), -1)
        picked = scores[:-1].gather(1, window[1:, None])[:, 0]
        total -= picked[len(picked) - fresh:].sum().item()
        count += fresh
        end_before = end
        if end == len(ids):
            break
    return total, count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("adapter")
    parser.add_argument("text", nargs="?")
    parser.add_argument("--choroy", default=".build/release/choroy")
    parser.add_argument("--compare")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    base = transformers.AutoModelForCausalLM.from_pretrained(
        options.model, dtype=torch.float32, attn_implementation="eager")
    model = peft.PeftModel.from_pretrained(base, options.adapter).eval()
    check_keys(model, options.adapter)
    result = {"peft": peft.__version__, "transformers": transformers.__version__}
    if options.compare:
        other = json.load(open(options.compare))
        with torch.no_grad():
            logits = model(torch.tensor(other["input_ids"])[None]).logits[0].numpy()
        difference = float(numpy.abs(logits - numpy.asarray(other["logits"], "float32")).max())
        result["max_logit_difference"] = difference
    else:
        context = base.config.max_position_embeddings
        text = open(options.text, "rb").read().decode("utf-8", errors="replace")
        tokenizer = transformers.AutoTokenizer.from_pretrained(options.model)
        ids = tokenizer.encode(text, add_special_tokens=False)
        total, count = nats(model, ids, context)
        ours = json.loads(subprocess.run(
            [options.choroy, "evaluate", options.model, options.text, "--adapter",
             options.adapter, "--convention", "sliding", "--json"],
            check=True, capture_output=True, text=True).stdout)
        if ours["tokens"] != count:
            sys.exit(f"tokens differ: {ours['tokens']} and {count}")
        difference = abs(ours["nats"] - total) / max(1, count)
        result |= {"tokens": count, "peft_nats": total, "choroy_nats": ours["nats"],
                   "mean_nats_difference": difference}
    print(json.dumps(result))
    if not difference <= options.tolerance:
        sys.exit(1)


main()
