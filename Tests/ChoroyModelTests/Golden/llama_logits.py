"""Makes llama-1/, llama-2/ and llama-3/ beside this file: random tiny Llama models as transformers
saves them, and logits.json with the logits of every position of three prompts in each.

    python3 llama_logits.py         needs torch, transformers, numpy; no network

The weights are drawn wider than a model is initialized with, so that attention is far from uniform
and a wrong rotation, scale or head order shows. The logits are those of float32 with eager
attention; float64_difference is how far they are from the same model in float64.
"""

import json
import pathlib
import shutil

import numpy
import torch
import transformers

SEED = 20260729
HERE = pathlib.Path(__file__).resolve().parent

MODELS = {
    # Two query heads for each key-value head; tied.
    "llama-1": dict(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, rms_norm_eps=1e-5, tie_word_embeddings=True,
    ),
    # As many key-value heads as heads; untied; another rotary base; sizes that divide by 8 at most.
    "llama-2": dict(
        vocab_size=47, hidden_size=24, intermediate_size=56, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=4, rms_norm_eps=1e-6, tie_word_embeddings=False,
        rope_theta=500000.0,
    ),
    # One key-value head for all; heads wider than hidden_size / heads; odd feed-forward width.
    "llama-3": dict(
        vocab_size=61, hidden_size=32, intermediate_size=43, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=1, head_dim=12, rms_norm_eps=1e-5,
        tie_word_embeddings=False, rope_theta=1000.0,
    ),
}


def shortest(array):
    """JSON of a float32 array: the fewest digits that give each number back."""
    if array.ndim == 0:
        return str(numpy.float32(array))
    return "[" + ",".join(shortest(row) for row in array) + "]"


def make(name, sizes, generator):
    config = transformers.LlamaConfig(
        max_position_embeddings=64, bos_token_id=1, eos_token_id=2, attn_implementation="eager",
        **sizes)
    model = transformers.LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for key, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.2 * noise if parameter.dim() == 1 else 0.25 * noise)
    directory = HERE / name
    shutil.rmtree(directory, ignore_errors=True)
    model.save_pretrained(directory)
    prompts = [
        torch.randint(0, config.vocab_size, (length,), generator=generator) for length in (1, 7, 33)
    ]
    with torch.no_grad():
        logits = [model(ids[None]).logits[0].float() for ids in prompts]
        exact = [model.double()(ids[None]).logits[0] for ids in prompts]
    difference = max((a - b).abs().max().item() for a, b in zip(logits, exact))
    texts = ",\n".join(
        '{"input_ids": %s,\n "logits": %s}' % (json.dumps(ids.tolist()), shortest(rows.numpy()))
        for ids, rows in zip(prompts, logits))
    head = json.dumps({
        "made_by": "llama_logits.py", "seed": SEED, "torch": torch.__version__,
        "transformers": transformers.__version__, "float64_difference": difference,
    })
    (directory / "logits.json").write_text(head[:-1] + ',\n"prompts": [\n' + texts + "\n]}\n")
    largest = max(rows.abs().max().item() for rows in logits)
    print(name, "float64 difference", difference, "largest logit", largest)


def main():
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(SEED)
    for name, sizes in MODELS.items():
        make(name, sizes, generator)


if __name__ == "__main__":
    main()
