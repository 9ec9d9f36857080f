"""Makes llama_training.json and llama_training/ beside this file: ten steps of AdamW on a tiny
Llama in PyTorch, float32, from given weights on given data.

    python3 llama_training.py       needs torch, transformers, numpy; no network

llama_training/start.safetensors and end.safetensors hold the weights before and after, with
config.json beside them. A step: the mean cross-entropy over all B·T targets, its gradient, clipping
of the norm over all parameters to clip_norm (gradient_norms is before clipping), then AdamW with
weight decay on matrices (the embedding among them), none on norms, and a constant learning rate.
"""

import json
import pathlib

import numpy
import torch
import transformers
from safetensors.torch import save_file

SEED = 20260729
HERE = pathlib.Path(__file__).resolve().parent
STEPS, BATCH, LENGTH = 10, 3, 24
OPTIMIZER = dict(learning_rate=1e-2, beta1=0.9, beta2=0.95, epsilon=1e-8, weight_decay=0.1)
CLIP_NORM = 2.0  # between the norms that come up, so that some steps are clipped and some are not
SIZES = dict(
    vocab_size=64, hidden_size=32, intermediate_size=56, num_hidden_layers=2,
    num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=True, rms_norm_eps=1e-5,
    max_position_embeddings=64, bos_token_id=1, eos_token_id=2, initializer_range=0.1)


def weights(model):
    # The tied head is the embedding; it is stored once.
    return {name: value.detach().clone() for name, value in model.named_parameters()}


def batches():
    """Each sequence repeats a random pattern with some noise, so that there is something to learn."""
    generator = numpy.random.default_rng(SEED)
    for _ in range(STEPS):
        rows = []
        for _ in range(BATCH):
            row = numpy.tile(generator.integers(0, 16, 5), 6)[: LENGTH + 1]
            noise = generator.random(LENGTH + 1) < 0.1
            rows.append(numpy.where(noise, generator.integers(0, 64, LENGTH + 1), row))
        yield torch.tensor(numpy.stack(rows))


def main():
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    config = transformers.LlamaConfig(attn_implementation="eager", **SIZES)
    model = transformers.LlamaForCausalLM(config).train()
    directory = HERE / "llama_training"
    directory.mkdir(exist_ok=True)
    config.architectures = ["LlamaForCausalLM"]
    config.save_pretrained(directory)
    save_file(weights(model), directory / "start.safetensors", metadata={"format": "pt"})
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    norms = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW(
        [dict(params=matrices, weight_decay=OPTIMIZER["weight_decay"]),
         dict(params=norms, weight_decay=0.0)],
        lr=OPTIMIZER["learning_rate"], betas=(OPTIMIZER["beta1"], OPTIMIZER["beta2"]),
        eps=OPTIMIZER["epsilon"], foreach=False)
    losses, gradient_norms, data = [], [], list(batches())
    for tokens in data:
        logits = model(tokens[:, :-1]).logits
        loss = torch.nn.functional.cross_entropy(
            logits.reshape(-1, config.vocab_size), tokens[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
        optimizer.step()
        losses.append(loss.item())
        gradient_norms.append(norm.item())
    save_file(weights(model), directory / "end.safetensors", metadata={"format": "pt"})
    head = {
        "made_by": "llama_training.py", "seed": SEED, "torch": torch.__version__,
        "transformers": transformers.__version__, **OPTIMIZER, "clip_norm": CLIP_NORM,
        "losses": losses, "gradient_norms": gradient_norms,
    }
    rows = ",\n".join(json.dumps(tokens.tolist()) for tokens in data)
    (HERE / "llama_training.json").write_text(
        json.dumps(head)[:-1] + ',\n"tokens": [\n' + rows + "\n]}\n")
    print(losses, gradient_norms)


if __name__ == "__main__":
    main()
