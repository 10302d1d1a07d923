"""The scores of a table of patterns.

Axes: q latents.
"""

import time
from typing import Any

import numpy as np
from jaxtyping import Bool

from unmix.evaluation.score import Score
from unmix.evaluation.suite.detection.scoring import over_latents, too_rare
from unmix.evaluation.suite.n2g.trying import Foretold, Found

SOURCE = "Foote et al. 2023 (N2G); precision and recall as in Gao et al. 2024, section 4.3"


def scores(found: list[Found], *, began: float, seed: int = 0) -> list[Score]:
    """Return the scores of a table, from what was found of each latent."""
    known = [one for one in found if one.is_known]
    taken = time.perf_counter() - began
    shared: dict[str, Any] = {"source": SOURCE, "seconds": taken, "seed": seed}
    first, second = [one.strongest for one in known], [one.drawn for one in known]
    made = _of("strongest", first, about="patterns of the 16 strongest contexts", shared=shared)
    values = np.array([_share(one.strongest.met[one.strength >= 0.5]) for one in known])
    about = "by patterns of the strongest: recall of firings at half of the largest act or more"
    named: dict[str, Any] = {"definition": about, "better": "higher"}
    made.append(over_latents("recall of strong firings", values, **named, **shared))
    made += _of("drawn", second, about="patterns of 16 firings drawn at random", shared=shared)
    made += _pooled(second, shared)
    third = [one.by_model for one in known if one.by_model is not None]
    if third:
        about = "patterns of 16 firings drawn at random, shortened by running the model"
        made += _of("by model", third, about=about, shared=shared)
    made.append(too_rare(np.array([not one.is_known for one in found]), **shared))
    return made


def _of(name: str, tried: list[Foretold], *, about: str, shared: dict[str, Any]) -> list[Score]:
    """Return the scores of one kind of patterns, every latent counting alike."""
    hits, predicted, fired = _counts(tried)
    with np.errstate(invalid="ignore", divide="ignore"):
        columns = [
            ("precision", hits / predicted, "share of predictions that fire, where there are any"),
            ("recall", hits / fired, "share of firings that are foretold"),
            ("F1", 2 * hits / (predicted + fired), "2 hits / (predictions + firings)"),
        ]
    made = []
    for kind, values, meaning in columns:
        named: dict[str, Any] = {"definition": f"{about}: {meaning}", "better": "higher"}
        made.append(over_latents(f"{kind}, {name}", values, **named, **shared))
    return made


def _pooled(tried: list[Foretold], shared: dict[str, Any]) -> list[Score]:
    """Return precision and recall of all latents at once: by how much they predict, and fire."""
    hits, predicted, fired = _counts(tried)
    made = []
    for name, below in (("precision", predicted), ("recall", fired)):
        what = "predictions" if name == "precision" else "firings"
        named: dict[str, Any] = {"definition": f"hits over {what} of all latents at once"}
        named |= {"weights": below, "better": "higher"}
        with np.errstate(invalid="ignore"):
            values = hits / below
        made.append(over_latents(f"{name}, drawn, pooled", values, **named, **shared))
    return made


def _counts(tried: list[Foretold]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return hits, predictions and firings of each latent."""
    hits = np.array([one.met.sum() for one in tried], np.float64)
    predicted = np.array([one.predicted for one in tried], np.float64)
    return hits, predicted, np.array([len(one.met) for one in tried], np.float64)


def _share(marks: Bool[np.ndarray, " _"]) -> float:
    return float(marks.mean()) if len(marks) else float("nan")
