"""The sparse form of acts: which latents fired on which token, and how strongly.

A `Code` is what `encode` returns and `decode` takes.  Row `i` holds the entries
`offsets[i]` up to `offsets[i + 1]` of `latents` and `values`, in no promised order inside the row.
Rows may be ragged or empty; an entry may be zero, and then it did not fire.

Axes: n tokens, m latents, e entries, ends: row boundaries (one more than rows).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unmix.dictionaries import kernels


@final
@dataclass(frozen=True, eq=False)
class Support:
    """Which (token, latent) pairs a code has entries for."""

    latents: Int[Tensor, " e"]
    """Latent of each entry, row by row."""
    offsets: Int[Tensor, " ends"]
    """Where each row begins, and the end."""
    n_latents: int
    """Latents in the dictionary, `m`."""

    def __len__(self) -> int:
        """Return the number of tokens, `n`."""
        return len(self.offsets) - 1

    @cached_property
    def tokens(self) -> Int[Tensor, " e"]:
        """Token (row) of each entry."""
        rows = torch.arange(len(self), device=self.latents.device)
        return rows.repeat_interleave(self.offsets.diff(), output_size=len(self.latents))

    @cached_property
    def by_latent(self) -> tuple[Int[Tensor, " e"], Int[Tensor, " ends"]]:
        """The order that sorts the entries by latent, and where each latent begins in it."""
        return kernels.of(self.latents).sort_by_latent(self.latents, self.n_latents)

    def where(self, keep: Bool[Tensor, " e"]) -> "Support":
        """Return the support with only the entries `keep` marks."""
        before = torch.cat([self.offsets.new_zeros(1), keep.cumsum(0)])
        return Support(self.latents[keep], before[self.offsets], self.n_latents)


@final
@dataclass(frozen=True, eq=False)
class Code:
    """Acts of `n` tokens over `m` latents, most of them zero."""

    values: Float[Tensor, " e"]
    """Act of each entry."""
    support: Support
    """Which token and latent each entry belongs to."""

    def __len__(self) -> int:
        """Return the number of tokens, `n`."""
        return len(self.support)

    @property
    def latents(self) -> Int[Tensor, " e"]:
        """Latent of each entry."""
        return self.support.latents

    @property
    def offsets(self) -> Int[Tensor, " ends"]:
        """Where each row begins, and the end."""
        return self.support.offsets

    @property
    def tokens(self) -> Int[Tensor, " e"]:
        """Token (row) of each entry."""
        return self.support.tokens

    @property
    def n_latents(self) -> int:
        """Latents in the dictionary, `m`."""
        return self.support.n_latents

    def fired(self) -> "Code":
        """Return the code without its zero entries."""
        keep = self.values != 0
        return Code(self.values[keep], self.support.where(keep))

    def l0(self) -> Float[Tensor, " n"]:
        """Return the number of latents that fired on each token (non-zero, not `k`)."""
        return self._fired[0].to(self.values.dtype)

    def counts(self) -> Int[Tensor, " m"]:
        """Return the number of tokens each latent fired on."""
        return self._fired[1]

    @cached_property
    def _fired(self) -> tuple[Int[Tensor, " n"], Int[Tensor, " m"]]:
        """Entries that fired, by token and by latent."""
        values = self.values.detach()
        count = kernels.of(values).count
        return count(values, self.latents, self.offsets, self.n_latents)

    def dense(self) -> Float[Tensor, "n m"]:
        """Return the acts as a full matrix.  For tests and small models only."""
        out = self.values.new_zeros(len(self), self.n_latents)
        return out.index_put((self.tokens, self.latents), self.values, accumulate=True)


def join(codes: list[Code]) -> Code:
    """Put codes of consecutive tokens one under the other."""
    ends = torch.tensor([0, *(len(c.latents) for c in codes)]).cumsum(0).tolist()
    offsets = [codes[0].offsets[:1]]
    offsets += [c.offsets[1:] + start for c, start in zip(codes, ends, strict=False)]
    latents = torch.cat([c.latents for c in codes])
    support = Support(latents, torch.cat(offsets), codes[0].n_latents)
    return Code(torch.cat([c.values for c in codes]), support)
