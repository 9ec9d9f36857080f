"""Opens a model directory that Choroy wrote in transformers and gives the logits of a text.

    python3 open_in_transformers.py MODEL_DIR [--text TEXT | --text-file FILE | --ids 1,2,3]
                                    [--save LOGITS.json] [--compare LOGITS.json]

stdout: one JSON object with versions, number of parameters, ids and summed nats of the text.
--save writes {"input_ids": [...], "logits": [[...], ...]} with every logit of every position;
--compare reads such a file from elsewhere and exits 1 when ids differ or a logit is more than
--tolerance (1e-4) away. Missing, unexpected or misshapen tensors are errors too.
"""

import argparse
import json
import sys

import numpy
import torch
import transformers


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--text", default="Once upon a time there was a parrot.")
    source.add_argument("--text-file")
    source.add_argument("--ids", help="token ids instead of text; no tokenizer is opened")
    parser.add_argument("--save")
    parser.add_argument("--compare")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    return parser.parse_args()


def token_ids(options):
    if options.ids:
        return [int(field) for field in options.ids.split(",")]
    if options.text_file:
        text = open(options.text_file, "rb").read().decode("utf-8", errors="replace")
    else:
        text = options.text
    tokenizer = transformers.AutoTokenizer.from_pretrained(options.model)
    return tokenizer.encode(text, add_special_tokens=False)


def problems(loading):
    """What from_pretrained reported; a tied head may be absent from the file."""
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"):
        for item in loading.get(kind) or []:
            yield f"{kind}: {item}"


def compare(path, ids, logits, tolerance):
    with open(path) as file:
        other = json.load(file)
    if other["input_ids"] != ids:
        return f"ids differ: {other['input_ids'][:8]}... and {ids[:8]}..."
    theirs = numpy.asarray(other["logits"], dtype=numpy.float32)
    if theirs.shape != logits.shape:
        return f"shapes differ: {theirs.shape} and {logits.shape}"
    difference = float(numpy.abs(theirs - logits).max())
    print(f"largest difference {difference:.3g}", file=sys.stderr)
    return None if difference <= tolerance else f"difference {difference:.3g} > {tolerance:g}"


def main():
    options = arguments()
    transformers.logging.set_verbosity_error()
    model, loading = transformers.AutoModelForCausalLM.from_pretrained(
        options.model, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    model.eval()
    failures = list(problems(loading))
    ids = token_ids(options)
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0].float()
    nats = torch.nn.functional.cross_entropy(
        logits[:-1].double(), torch.tensor(ids[1:]), reduction="sum").item() if len(ids) > 1 else 0.0
    logits = logits.numpy()
    if options.save:
        with open(options.save, "w") as file:
            json.dump({"input_ids": ids, "logits": logits.tolist()}, file)
    if options.compare:
        failure = compare(options.compare, ids, logits, options.tolerance)
        failures += [failure] if failure else []
    print(json.dumps({
        "transformers": transformers.__version__, "torch": torch.__version__,
        "model_type": model.config.model_type,
        "parameters": sum(p.numel() for p in model.parameters()),
        "input_ids": ids, "nats": nats, "failures": failures,
    }))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
