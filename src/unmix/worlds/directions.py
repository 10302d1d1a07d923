"""Directions of features: at random, at right angles, pushed apart, or at the corners of a figure.

Axes: f features, d width.
"""

import math
from itertools import product

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from unmix.errors import UserError
from unmix.worlds.chance import draws


def at_random(n_features: int, width: int, *, seed: int) -> Float[Tensor, "f d"]:
    """Return unit directions drawn evenly from the sphere."""
    draw = draws(seed, "directions")
    return normalize(torch.randn(n_features, width, generator=draw), dim=1)


def at_right_angles(n_features: int, width: int, *, seed: int) -> Float[Tensor, "f d"]:
    """Return directions at right angles to each other, turned at random."""
    if n_features > width:
        raise UserError(
            f"{n_features} directions in {width} dimensions cannot all be at right angles; "
            "raise the width"
        )
    draw = draws(seed, "directions")
    turned = torch.randn(width, n_features, generator=draw, dtype=torch.float64)
    return torch.linalg.qr(turned).Q.T.float().contiguous()


def apart(
    directions: Float[Tensor, "f d"], *, steps: int = 200, lr: float = 0.01
) -> Float[Tensor, "f d"]:
    """Push unit directions apart: fewer large products between them (SynthSAEBench, section 3).

    Adam on the sum over pairs of the squared product, plus `f` times that of each squared length
    less one.  The sum's gradient is `4 D (D^T D)` but for the diagonal, so that no matrix of
    features by features is made.
    """
    D = normalize(directions, dim=1)
    D.grad = torch.empty_like(D)
    optimiser = torch.optim.Adam([D], lr=lr, fused=True)
    for _ in range(steps):
        length = D.square().sum(1, keepdim=True)
        torch.mm(D, D.T @ D, out=D.grad)
        D.grad.addcmul_(D, len(D) * (length - 1) - length).mul_(4)
        optimiser.step()
    return normalize(D, dim=1)


def polygon(n_features: int) -> Float[Tensor, "f d"]:
    """Return the corners of a regular polygon in the plane."""
    angles = torch.arange(n_features) * (2 * math.pi / n_features) + math.pi / 2
    return torch.stack([angles.cos(), angles.sin()], 1)


def cube() -> Float[Tensor, "f d"]:
    """Return the eight corners of a cube, at distance one from its centre."""
    return torch.tensor(list(product((-1.0, 1.0), repeat=3))) / math.sqrt(3)
