"""Which dictionaries of a run differ in one setting alone; random directions beside them.

Axes: m latents, d width.
"""

from collections.abc import Collection, Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from unmix.evaluation.suite.subject import Subject
from unmix.training.config import DictionaryConfig

ALL = "mean over all latents, the interval by resampling latents"
"""How a number of every latent becomes a score."""
RANDOM = "random directions"


def configs(subject: Subject) -> dict[str, DictionaryConfig]:
    """Return the settings of each dictionary of a run, in the order of its sweep."""
    variants = subject.config.variants()
    return {name: one for name, one in variants.items() if name in subject.folders}


def directions(subject: Subject) -> dict[str, Tensor]:
    """Return the directions of each dictionary of a run."""
    return {name: one.W_dec.detach() for name, one in subject.dictionaries.items()}


def groups(every: Mapping[str, DictionaryConfig], *, but: Collection[str]) -> list[list[str]]:
    """Return the names of dictionaries that are alike in every setting but some."""
    made: dict[str, list[str]] = {}
    for name, config in every.items():
        made.setdefault(config.model_dump_json(exclude=set(but)), []).append(name)
    return list(made.values())


def random_like(W_dec: Float[Tensor, "m d"], *, seed: int) -> Float[Tensor, "m d"]:
    """Return random directions of the same shape, each way alike."""
    drawn = torch.randn(W_dec.shape, generator=torch.Generator().manual_seed(seed))
    return drawn / drawn.norm(dim=1, keepdim=True)
