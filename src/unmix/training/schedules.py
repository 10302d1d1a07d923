"""Numbers that change over a run, as functions of the step alone."""

import math

RATES = {"adam": 1.0, "adam8": 1.0, "signum": 0.3, "muon": 1.0}
"""Learning rate of each rule, in multiples of Adam's (measured: docs/training.md)."""


def trapezoid(step: int, steps: int, *, warm_up: float, decay: float) -> float:
    """Return the factor of the learning rate: up, level, and linearly down to zero.

    `step` counts from 1; `warm_up` and `decay` are shares of the run.
    """
    rise = max(1.0, warm_up * steps)
    fall = max(1.0, decay * steps)
    return max(0.0, min(1.0, step / rise, (steps - step + 1) / fall))


def ramp(step: int, steps: int, *, warm_up: float) -> float:
    """Return the factor of the sparsity penalty: up, then level (April 2024: 5 % of the run)."""
    return min(1.0, step / max(1.0, warm_up * steps))


def falling(step: int, steps: int, *, first: float, last: float) -> float:
    """Return a number that goes from `first` to `last` in a line over the run."""
    return last + (first - last) * (steps - step) / max(1, steps - 1)


def default_lr(n_latents: int, steps: int) -> float:
    """Return Adam's highest learning rate for a dictionary of this size and a run this long."""
    return 2e-4 / math.sqrt(n_latents / 2**14) * short_run(steps)


def short_run(steps: int) -> float:
    """Return how many times the usual learning rate a run of few steps takes.

    `2e-4 / sqrt(m / 2^14)` (Gao et al. 2024, section 2.2, as dictionary_learning sets it) is meant
    for runs of tens of thousands of steps.  Shorter runs want more, up to where latents die:
    docs/training.md has the measurement.
    """
    return min(15.0, max(1.0, math.sqrt(100_000 / steps)))
