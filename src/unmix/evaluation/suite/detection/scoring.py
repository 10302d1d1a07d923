"""Numbers of many latents as one score: their mean, and how far it moves with other latents.

Axes: q latents, r resamples.
"""

import numpy as np
from jaxtyping import Bool, Float

from unmix.evaluation.score import COVERAGE, RESAMPLES, Better, Score

HOW = "mean over the latents drawn, the interval by resampling latents"


def over_latents(
    name: str,
    values: Float[np.ndarray, " q"],
    *,
    weights: Float[np.ndarray, " q"] | None = None,
    definition: str,
    source: str,
    seconds: float,
    unit: str = "",
    better: Better = "neither",
    how: str = HOW,
    seed: int = 0,
) -> Score:
    """Return the mean of the values that are defined, weighted, with its bootstrap interval."""
    there = np.isfinite(values)
    values = values[there]
    weights = np.ones(len(values)) if weights is None else weights[there]
    value, low, high = None, None, None
    if len(values) and weights.sum() > 0:
        value = float((weights * values).sum() / weights.sum())
        low, high = _interval(values, weights, seed=seed)
    return Score(
        name=name,
        value=value,
        low=low,
        high=high,
        n=len(values),
        unit=unit,
        better=better,
        definition=f"{definition}; {how}",
        source=source,
        seconds=seconds,
    )


def too_rare(unknown: Bool[np.ndarray, " q"], *, source: str, seconds: float, seed: int) -> Score:
    """Return the share of the latents drawn of which nothing can be said."""
    return over_latents(
        "too rare",
        unknown.astype(np.float64),
        definition="share of the latents drawn that fire too rarely to be measured: in no mean",
        source=source,
        seconds=seconds,
        unit="share of latents",
        seed=seed,
    )


def _interval(
    values: Float[np.ndarray, " q"], weights: Float[np.ndarray, " q"], *, seed: int
) -> tuple[float | None, float | None]:
    """Return the percentile interval over resampled latents; one latent gives none."""
    n = len(values)
    if n < 2:
        return None, None
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    below = drawn @ weights
    means = (drawn @ (weights * values))[below > 0] / below[below > 0]
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)
