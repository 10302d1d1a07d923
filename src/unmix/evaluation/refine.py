"""Whether acts are too small: the same latents on the same tokens, their acts chosen anew.

    z* = argmin ||x - b - W^T z||^2   over z >= 0 that are zero wherever the code is

The ratio of the sums of `z*` and `z` is 1 where acts are as large as they should be, and above 1
where they shrink (Gao et al. 2024, section 5.1, "activation shrinkage").  How much the error falls
says less: an encoder of one layer leaves room for it in superposition, whatever its acts.

Axes: n tokens, d width, m latents, k entries of a token (padded).
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unmix.dictionaries.code import Code
from unmix.dictionaries.dictionary import Dictionary

SWEEPS, STILL = 200, 1e-5
"""Most passes over the entries of a token, and the share of the largest act below which a move is
none."""
MOST = 256
"""Latents on a token up to which acts are refined."""
SLAB = 2**24
"""Numbers in the directions of a slab of tokens."""


@torch.no_grad()
def refined(
    dictionary: Dictionary, x: Float[Tensor, "n d"], code: Code
) -> tuple[Float[Tensor, "n k"], Float[Tensor, "n k"]]:
    """Return the acts of the code and those that rebuild `x` best, one row a token."""
    acts, latents, there = _padded(code.fired())
    left = x - dictionary.base(x)
    best = torch.empty_like(acts)
    for at in torch.arange(len(x)).split(max(1, SLAB // (acts.shape[1] * x.shape[1]))):
        rows = dictionary.W_dec[latents[at]] * there[at][..., None]
        gram = rows @ rows.transpose(1, 2)
        wanted = (rows @ left[at][..., None])[..., 0]
        best[at] = _descend(acts[at], gram, wanted, there[at])
    return acts, best


def ratio(dictionary: Dictionary, x: Float[Tensor, "n d"], code: Code) -> float:
    """Return the sum of the best acts over the sum of those there are.

    Not a number for codes with more than `MOST` latents on a token: that takes too long.
    """
    if int(code.l0().max()) > MOST:
        return float("nan")
    acts, best = refined(dictionary, x, code)
    return float(best.double().sum() / acts.double().sum().clamp(min=1e-12))


def _descend(
    acts: Float[Tensor, "n k"],
    gram: Float[Tensor, "n k k"],
    wanted: Float[Tensor, "n k"],
    there: Bool[Tensor, "n k"],
) -> Float[Tensor, "n k"]:
    """Minimise over one entry at a time, all tokens at once (coordinate descent)."""
    curve = gram.diagonal(dim1=1, dim2=2).clamp(min=1e-12)
    for _ in range(SWEEPS):
        before = acts.clone()
        for i in range(acts.shape[1]):
            gradient = (gram[:, i] * acts).sum(1) - wanted[:, i]
            acts[:, i] = (acts[:, i] - gradient / curve[:, i]).clamp(min=0) * there[:, i]
        if float((acts - before).abs().amax()) <= STILL * float(acts.abs().amax()):
            break
    return acts


def _padded(
    code: Code,
) -> tuple[Float[Tensor, "n k"], Int[Tensor, "n k"], Bool[Tensor, "n k"]]:
    """Return acts and latents of each token in a row, and which of them are there."""
    width = max(1, int(code.offsets.diff().max()))
    place = torch.arange(len(code.latents), device=code.values.device) - code.offsets[code.tokens]
    acts = code.values.new_zeros(len(code), width)
    latents = code.latents.new_zeros(len(code), width)
    acts[code.tokens, place] = code.values
    latents[code.tokens, place] = code.latents
    there = torch.zeros_like(acts, dtype=torch.bool)
    there[code.tokens, place] = True
    return acts, latents, there
