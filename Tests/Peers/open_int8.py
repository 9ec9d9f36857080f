"""Opens a model of `choroy quantize` in transformers and compares it with its original.

    python3 Tests/Peers/open_int8.py ORIGINAL INT8

Needs torch, transformers and compressed-tensors (tried with 2.13.0, 5.23.0 and 0.20.0). transformers rounds
inputs with one scale a row where Choroy has one for 32 columns, so figures are near, not equal.
"""
import sys

import torch
from transformers import AutoModelForCausalLM

original, quantized = (AutoModelForCausalLM.from_pretrained(path) for path in sys.argv[1:3])
assert quantized.model.embed_tokens.weight.dtype == torch.int8
torch.manual_seed(0)
length = min(128, original.config.max_position_embeddings)
ids = torch.randint(0, original.config.vocab_size, (8, length))
with torch.no_grad():
    p, q = (model(ids).logits.log_softmax(-1) for model in (original, quantized))
divergence = (p.exp() * (p - q)).sum(-1)
same = (p.argmax(-1) == q.argmax(-1)).float().mean()
print(f"random tokens: mean KL {divergence.mean():.6f} nats, same first choice {100 * same:.2f} %")
assert divergence.mean() < 0.003
