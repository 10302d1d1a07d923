"""How often each latent fires, and what share of latents fires too rarely or too often.

The density of a latent is the share of tokens on which its act is not zero.  A latent that fired
on none of the `n` held-out tokens is *dead on n tokens*: with more tokens fewer are.  These shares
are counts over all latents of one dictionary, so they carry no interval.

Axes: m latents, n tokens.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from unmix.evaluation.score import Score

DENSE = (0.01, 0.1)
"""A latent on more than this share of tokens is dense (SAEBench; Rajamanoharan et al. 2024b)."""
ULTRALOW = (1e-4, 1e-6)
"""A latent on less than this share is ultralow (Nanda 2023; Bricken et al. 2023)."""
SEEN = 10
"""Firings a threshold must expect on `n` tokens before a share below it means anything."""
BINS_PER_DECADE = 4
"""Bars of the density histogram per factor of ten."""


class DensityHistogram(NamedTuple):
    """Latents counted by log10 of their density; those that never fired stand apart."""

    edges: list[float]
    """log10 of the bins' edges, one more than there are counts."""
    counts: list[int]
    """Latents in each bin."""
    dead: int
    """Latents that never fired: in no bin."""
    n: int
    """Tokens the densities were counted on."""


def shares(counts: Int[Tensor, " m"], n: int, *, seconds: float) -> list[Score]:
    """Return the shares of dead, dense and ultralow latents, given each latent's firings."""
    density = counts.double() / max(n, 1)
    fired = counts > 0
    scores = [
        _share(
            "dead latents",
            ~fired,
            f"latents that fired on none of the {n:,} held-out tokens, of all latents",
            "Bricken et al. 2023; the count of tokens is part of the definition",
            n=n,
            seconds=seconds,
        )
    ]
    for bound in DENSE:
        about = f"latents that fired on more than {bound:.0%} of tokens, of all latents"
        name = f"dense > {bound * 100:g} %"
        source = "SAEBench (Karvonen et al. 2025); Rajamanoharan et al. 2024b (JumpReLU SAEs)"
        scores.append(_share(name, density > bound, about, source, n=n, seconds=seconds))
    for bound in ULTRALOW:
        if n * bound < SEEN:
            continue
        about = (
            f"latents that fired, but on fewer than {bound:g} of tokens, of all latents; shown "
            f"only where {SEEN} firings would be expected at that bound"
        )
        source = "Bricken et al. 2023 (1e-6); Nanda 2023 (1e-4)"
        rare = fired & (density < bound)
        scores.append(_share(f"ultralow < {bound:g}", rare, about, source, n=n, seconds=seconds))
    return scores


def histogram(counts: Int[Tensor, " m"], n: int) -> DensityHistogram:
    """Count latents by log10 density, from one firing in `n` tokens up to every token."""
    fired = counts[counts > 0].double()
    low = math.floor(-math.log10(max(n, 10)) * BINS_PER_DECADE) / BINS_PER_DECADE
    bins = round(-low * BINS_PER_DECADE)
    where = ((fired / max(n, 1)).log10() - low) * BINS_PER_DECADE
    binned = torch.bincount(where.long().clamp(0, bins - 1), minlength=bins)
    edges = [low + i / BINS_PER_DECADE for i in range(bins + 1)]
    return DensityHistogram(edges, binned.tolist(), int((counts == 0).sum()), n)


def _share(
    name: str, which: Tensor, definition: str, source: str, *, n: int, seconds: float
) -> Score:
    return Score(
        name=name,
        value=float(which.double().mean()),
        low=None,
        high=None,
        n=n,
        unit="share of latents",
        better="lower",
        definition=definition,
        source=source,
        seconds=seconds,
    )
