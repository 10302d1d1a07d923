r"""Centring and scaling of activations, and how they are folded into a dictionary.

Training sees `(x - mean) / scale`, of zero mean and unit mean square; a saved dictionary takes
the model's own activations.  With `a` and `b` the scales of input and target:

    W_enc <- W_enc b / a         b_pre <- mean_in + a b_pre          z <- b z
    b_enc <- b b_enc             b_dec <- mean_out + b b_dec         W_dec stays

so acts come out in the target's own units (an act is a length along its unit direction) and every
threshold is multiplied by `b`.  A large mean is what kills latents (arXiv 2605.31518), hence the
centring.

Axes: d activation width, m latents, n tokens.
"""

import copy
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from unmix.dictionaries.dictionary import Dictionary


@final
@dataclass(frozen=True, eq=False)
class Scaling:
    """An affine map that gives activations zero mean and unit mean square."""

    mean: Float[Tensor, " d"]
    """What is subtracted."""
    scale: float
    """What the rest is divided by: the root mean square of `x - mean`."""

    def apply(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Centre and scale."""
        return (x - self.mean) / self.scale

    def undo(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Return scaled activations to the model's units."""
        return x * self.scale + self.mean


def identity(width: int) -> Scaling:
    """Return the scaling that changes nothing."""
    return Scaling(torch.zeros(width), 1.0)


@torch.no_grad()
def fold(dictionary: Dictionary, given: Scaling, *, target: Scaling | None = None) -> Dictionary:
    """Return the dictionary that does on raw activations what this one does on scaled ones.

    Directions whose rows are not of unit length (a recipe that leaves them free) get it here;
    their lengths go into the encoder and the thresholds, so that every reconstruction stays.
    """
    folded = copy.deepcopy(dictionary)
    target = target or given
    norms = folded.W_dec.norm(dim=1).clamp(min=1e-12)
    free = not torch.allclose(norms, torch.ones_like(norms), rtol=1e-4)
    by = target.scale * (norms if free else torch.ones_like(norms))
    folded.W_enc.mul_((by / given.scale)[:, None])
    folded.b_enc.mul_(by)
    folded.sparsity.rescale(by)
    if folded.first is not None:
        folded.first.rescale(by)
    if free:
        folded.W_dec.div_(norms[:, None])
    folded.b_pre.copy_(folded.b_pre * given.scale + given.mean)
    if folded.is_transcoder:
        folded.b_dec.copy_(folded.b_dec * target.scale + target.mean)
    if folded.W_skip is not None:
        folded.W_skip.mul_(target.scale / given.scale)
        folded.b_dec.sub_(folded.W_skip @ given.mean)
    return folded


@torch.no_grad()
def unit_rows(dictionary: Dictionary) -> None:
    """Bring every direction to unit length."""
    norms = dictionary.W_dec.norm(dim=1, keepdim=True)
    dictionary.W_dec.div_(norms.clamp(min=1e-12))
