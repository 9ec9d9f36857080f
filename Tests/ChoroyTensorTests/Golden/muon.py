#!/usr/bin/env python3
"""Makes muon.json beside this file: five steps of torch.optim.Muon (adjust_lr_fn="match_rms_adamw") on
a square, a wide and a tall matrix.

    python3 muon.py > muon.json       needs torch >= 2.9, numpy; no network

PyTorch orthogonalizes in bfloat16; here its conversion is switched off, so that the numbers can be
followed to float32's accuracy.
"""
import json
import numpy
import torch

SEED = 20260730
OPTIONS = dict(lr=0.02, weight_decay=0.1, momentum=0.9)
torch.Tensor.bfloat16 = lambda self: self.float().clone()


def main():
    generator = numpy.random.default_rng(SEED)
    cases = []
    for shape in [(4, 4), (3, 7), (9, 5)]:
        start = generator.standard_normal(shape).astype(numpy.float32)
        gradients = generator.standard_normal((5, *shape)).astype(numpy.float32)
        weight = torch.nn.Parameter(torch.from_numpy(start.copy()))
        optimizer = torch.optim.Muon([weight], adjust_lr_fn="match_rms_adamw", **OPTIONS)
        for gradient in gradients:
            weight.grad = torch.from_numpy(gradient.copy())
            optimizer.step()
        cases.append(dict(
            shape=shape, start=start.flatten().tolist(),
            gradients=[g.flatten().tolist() for g in gradients],
            end=weight.detach().flatten().tolist(),
            momentum=optimizer.state[weight]["momentum_buffer"].flatten().tolist()))
    print(json.dumps(dict(torch=torch.__version__, numpy=numpy.__version__, seed=SEED,
                          options=OPTIONS, cases=cases)))


main()
