"""Which latents still fire, counted in tokens.

Axes: m latents.
"""

from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unmix.dictionaries.code import Code


@final
class Health:
    """How long ago each latent fired, and how often of late."""

    def __init__(self, n_latents: int, *, dead_after: int, device: str = "cpu") -> None:
        self.dead_after = dead_after
        self.since = torch.zeros(n_latents, dtype=torch.int64, device=device)
        self.fired = torch.zeros(n_latents, dtype=torch.int64, device=device)
        self.seen = 0

    def update(self, code: Code) -> None:
        """Count one batch."""
        counts = code.counts()
        self.since.add_(len(code)).masked_fill_(counts > 0, 0)
        self.fired.add_(counts)
        self.seen += len(code)

    def dead(self, after: int | None = None) -> Int[Tensor, " dead"]:
        """Return the latents that have not fired within the window, in tokens."""
        return (self.since > (after or self.dead_after)).nonzero().squeeze(1)

    def density(self) -> Float[Tensor, " m"]:
        """Return the share of tokens each latent fired on, over the whole run."""
        return self.fired / max(1, self.seen)

    def revive(self, latents: Int[Tensor, " dead"]) -> None:
        """Give resampled latents a new life."""
        self.since[latents] = 0
