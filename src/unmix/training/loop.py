"""The one training loop: a generator of steps.

    for step in fit(learners, stream, site="resid.12", steps=600):
        ...                       # log, save, draw or stop: the caller decides

Every dictionary learns from the same batch, so activations are read once however many there are.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from unmix.training.learner import Learner, Numbers


class Step(NamedTuple):
    """One step of all dictionaries."""

    number: int
    """Counts from 1."""
    tokens: int
    """Tokens learnt from so far."""
    numbers: dict[str, Numbers]
    """What it came to, for each dictionary by name."""


def fit(
    learners: Mapping[str, Learner],
    batches: Iterator[Mapping[str, Float[Tensor, "n _"]]],
    *,
    site: str,
    target: str | None = None,
    steps: int,
    after: int = 0,
    device: str = "cpu",
) -> Iterator[Step]:
    """Train on batches of raw activations until `steps`, beginning behind step `after`."""
    first = next(iter(learners.values()))
    for number in range(after + 1, steps + 1):
        batch = next(batches)
        x = first.given.apply(batch[site].to(device))
        y = x if first.target is None else first.target.apply(batch[target or site].to(device))
        numbers = {name: learner.step(x, y, number) for name, learner in learners.items()}
        yield Step(number, number * len(x), numbers)


def not_finite(step: Step) -> list[str]:
    """Name the dictionaries whose loss is no longer a number."""
    return [name for name, n in step.numbers.items() if not torch.isfinite(n.loss)]
