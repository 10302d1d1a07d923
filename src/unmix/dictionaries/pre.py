"""Pre-activations of a batch, of which only those that are asked for are made.

    pre = W_enc (x - b_pre) + b_enc

The full matrix `[n, m]` is what a step of training costs; nothing needs all of it.  A `Pre` stands
for it: a sparsity asks it for the pairs it wants, and the kernels of the device find them.

Axes: n tokens, d width, m latents, e entries.
"""

from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor

from unmix.dictionaries import kernels
from unmix.dictionaries.code import Support


class Selected(NamedTuple):
    """The pairs that get an entry, and their pre-activations."""

    pre: Float[Tensor, " e"]
    """Pre-activation of each entry."""
    support: Support
    """Token and latent of each entry."""


@final
@dataclass(frozen=True, eq=False)
class Pre:
    """Pre-activations `x W^T + b` of the tokens `x`."""

    x: Float[Tensor, "n d"]
    """Centred activations."""
    W: Float[Tensor, "m d"]
    """Rows of the encoder."""
    b: Float[Tensor, " m"]
    """Its bias."""

    def __len__(self) -> int:
        """Return the number of tokens, `n`."""
        return len(self.x)

    def largest(self, k: int, *, by_size: bool = False) -> Selected:
        """Pick exactly the `k` largest of each token (by magnitude, with `by_size`)."""
        return self._selected(*kernels.of(self.x).largest(self.x, self.W, self.b, k, by_size))

    def above(self, low: Float[Tensor, "..."]) -> Selected:
        """Pick what exceeds `low`: one value, or one a latent."""
        low = low.to(self.b).expand_as(self.b).contiguous()
        return self._selected(*kernels.of(self.x).above(self.x, self.W, self.b, low))

    def largest_of_batch(self, count: int) -> Selected:
        """Pick exactly the `count` largest positive ones of the batch (ties at the cut stay)."""
        found = kernels.of(self.x).largest_of_batch(self.x, self.W, self.b, count)
        return self._selected(*found)

    def _selected(self, pre: Tensor, latents: Tensor, offsets: Tensor) -> Selected:
        return Selected(pre, Support(latents, offsets, len(self.W)))


def given(pre: Float[Tensor, "n m"]) -> Pre:
    """Return pre-activations that are there already, as a `Pre`."""
    m = pre.shape[1]
    return Pre(pre, torch.eye(m, dtype=pre.dtype, device=pre.device), pre.new_zeros(m))
