"""Activations to time training on, made here: superposed directions, a mean, one huge dimension."""

import torch
from torch import Tensor


def superposed(n: int, d: int, *, features: int = 8192, seed: int = 0) -> Tensor:
    """Return `n` activations of width `d`, centred, of unit mean square.

    Each is the sum of about 32 of `features` directions, of frequencies that fall as in language
    (Zipf), plus noise; one dimension is 20 times larger than the others, as in real models.
    """
    draw = torch.Generator().manual_seed(seed)
    directions = torch.randn(features, d, generator=draw)
    directions /= directions.norm(dim=1, keepdim=True)
    chances = 1 / torch.arange(1, features + 1)
    x = torch.randn(n, d, generator=draw) * 0.03
    for begin in range(0, n, 4096):
        rows = min(4096, n - begin)
        picked = torch.multinomial(chances, rows * 32, replacement=True, generator=draw)
        sizes = torch.rand(rows * 32, 1, generator=draw) + 0.5
        x[begin : begin + rows] += (directions[picked] * sizes).view(rows, 32, d).sum(1)
    x[:, 0] *= 20
    x -= x.mean(0)
    return x / x.square().mean().sqrt()
