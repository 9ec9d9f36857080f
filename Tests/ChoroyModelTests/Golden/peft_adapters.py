"""Makes adapters/NAME/ beside this file: adapters of llama-1 and llama-2 as PEFT saves them, each with
golden.json: the logits of every position of a prompt, and losses and gradient norms of AdamW steps.

    python3 peft_adapters.py        needs torch, transformers, peft, numpy; no network

All tensors are drawn at random, B too, so that nothing vanishes. Steps start from the saved adapter,
train all its tensors without dropout, without decay or clipping, on the same batch each time.
"""

import json
import os
import pathlib
import shutil

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy
import peft
import torch
import transformers

from llama_logits import shortest

SEED = 20260801
HERE = pathlib.Path(__file__).resolve().parent

ADAPTERS = {
    "lora": ("llama-1", dict(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"])),
    "rslora": ("llama-2", dict(
        r=4, lora_alpha=6, use_rslora=True, target_modules="all-linear",
        rank_pattern={"down_proj": 2, "model.layers.1.self_attn.k_proj": 3},
        alpha_pattern={"up_proj": 12}, exclude_modules=["o_proj"])),
    "dora": ("llama-2", dict(r=3, lora_alpha=6, use_dora=True, target_modules="all-linear")),
    # Tied: one delta serves the look-up and the head; the ids do not ascend.
    "tokens-tied": ("llama-1", dict(
        r=2, lora_alpha=4, target_modules=["gate_proj", "o_proj"],
        trainable_token_indices=[9, 2, 40])),
    "tokens-untied": ("llama-2", dict(
        r=2, lora_alpha=4, use_dora=True, use_rslora=True, target_modules=["up_proj"],
        trainable_token_indices={"lm_head": [3, 11], "embed_tokens": [3, 20, 5]})),
}
OPTIMIZER = dict(lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
STEPS = 8


def make(name, base, settings, generator):
    model = transformers.LlamaForCausalLM.from_pretrained(
        HERE / base, dtype=torch.float32, attn_implementation="eager")
    config = peft.LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.0, **settings)
    adapted = peft.get_peft_model(model, config)
    trained = [(key, value) for key, value in adapted.named_parameters() if value.requires_grad]
    with torch.no_grad():
        for key, parameter in sorted(trained, key=lambda pair: pair[0]):
            noise = torch.randn(parameter.shape, generator=generator)
            if "magnitude" in key:
                parameter.mul_(1 + 0.2 * noise)
            else:
                parameter.copy_(0.25 * noise)
    directory = HERE / "adapters" / name
    shutil.rmtree(directory, ignore_errors=True)
    adapted.peft_config["default"].base_model_name_or_path = base
    adapted.save_pretrained(directory, save_embedding_layers=False)
    (directory / "README.md").unlink(missing_ok=True)

    ids = torch.randint(0, model.config.vocab_size, (21,), generator=generator)
    ids[:3] = torch.tensor([3, 9, 20])
    adapted.eval()
    with torch.no_grad():
        logits = adapted(ids[None]).logits[0].float()
    batch = torch.randint(0, model.config.vocab_size, (3, 17), generator=generator)
    batch[:, 4] = torch.tensor([3, 20, 9])
    batch[:, 9] = torch.tensor([2, 11, 40])
    adapted.train()
    optimizer = torch.optim.AdamW([value for _, value in trained], **OPTIMIZER)
    losses, norms = [], []
    for _ in range(STEPS):
        output = adapted(batch).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(
            output.reshape(-1, output.shape[-1]), batch[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        norms.append(torch.stack([value.grad.norm() for _, value in trained]).norm().item())
        losses.append(loss.item())
        optimizer.step()
    head = json.dumps({
        "made_by": "peft_adapters.py", "seed": SEED, "torch": torch.__version__,
        "transformers": transformers.__version__, "peft": peft.__version__, "base": base,
        "optimizer": OPTIMIZER, "batch": batch.tolist(), "losses": losses,
        "gradient_norms": norms, "input_ids": ids.tolist(),
    })
    (directory / "golden.json").write_text(
        head[:-1] + ',\n"logits": ' + shortest(logits.numpy()) + "}\n")
    print(name, "loss", losses[0], "to", losses[-1])


def main():
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(SEED)
    for name, (base, settings) in ADAPTERS.items():
        make(name, base, settings, generator)


if __name__ == "__main__":
    main()
