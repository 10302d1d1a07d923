"""What is measured: a dictionary, or a control that stands in its place.

A *candidate* rebuilds the activations of one site from those of the same or another site.  All
measurements take candidates, so a control is measured by the very code that measures a
dictionary.

Axes: n tokens, d activation width (i in, o out).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, final

import torch
from jaxtyping import Float
from torch import Tensor

from unmix.dictionaries.code import Code
from unmix.dictionaries.dictionary import Dictionary

Role: TypeAlias = Literal["dictionary", "frozen", "random", "linear", "ablation", "baseline"]


class Rebuilt(NamedTuple):
    """Activations rebuilt, and the code they were rebuilt from."""

    activations: Float[Tensor, "n o"]
    code: Code | None
    """None for a candidate without latents."""


@final
@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A way to rebuild the activations of `target` from those of `site`."""

    name: str
    role: Role
    """`dictionary`; a control: `frozen`, `random`, `linear` (PCA), `ablation` (mean, zero); or a
    `baseline`."""
    about: str
    """One sentence for the reader."""
    site: str
    target: str
    rebuild: Callable[[Float[Tensor, "n i"]], Rebuilt]
    n_latents: int | None = None
    """Latents of a dictionary; None for a control without a code."""
    n_active: int = 0
    """Numbers per token that a control without a code passes on."""
    fingerprint: str = ""
    """Of a dictionary's weights on disk."""


def from_dictionary(
    name: str,
    dictionary: Dictionary,
    *,
    site: str,
    target: str,
    role: Role = "dictionary",
    about: str = "",
    fingerprint: str = "",
) -> Candidate:
    """Return a dictionary as a candidate, in evaluation mode (learnt thresholds, no batch)."""
    dictionary.eval()

    def rebuild(x: Float[Tensor, "n i"]) -> Rebuilt:
        x = x.to(dictionary.W_enc.device)
        with torch.no_grad():
            code = dictionary.encode(x)
            return Rebuilt(dictionary.decode(code, x), code)

    return Candidate(
        name=name,
        role=role,
        about=about,
        site=site,
        target=target,
        rebuild=rebuild,
        n_latents=dictionary.n_latents,
        fingerprint=fingerprint,
    )


def mean(site: str, target: str, *, mean: Float[Tensor, " o"]) -> Candidate:
    """Return the candidate that puts the training mean in every token's place."""

    def rebuild(x: Float[Tensor, "n i"]) -> Rebuilt:
        return Rebuilt(mean.to(x).expand(len(x), -1), None)

    about = "every activation replaced by the mean over training tokens"
    return Candidate(
        name="mean", role="ablation", about=about, site=site, target=target, rebuild=rebuild
    )


def zero(site: str, target: str, *, width: int) -> Candidate:
    """Return the candidate that puts zeros in every token's place."""

    def rebuild(x: Float[Tensor, "n i"]) -> Rebuilt:
        return Rebuilt(x.new_zeros(len(x), width), None)

    about = "every activation replaced by zeros"
    return Candidate(
        name="zero", role="ablation", about=about, site=site, target=target, rebuild=rebuild
    )
