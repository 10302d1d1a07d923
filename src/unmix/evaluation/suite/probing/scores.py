"""The table and the figures of sparse probing: means over data sets, intervals over data sets.

Axes: n data sets.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from unmix.evaluation.result import Measured
from unmix.evaluation.score import DocumentSums, Metric, Score, score
from unmix.evaluation.suite.finding import Axis, Curve, Figure, Point
from unmix.evaluation.suite.probing.features import Probed
from unmix.evaluation.suite.probing.trial import MEASURES, Trial

SOURCE = (
    "Gurnee et al. 2023 (arXiv 2305.01610); data sets of Kantamneni et al. 2025 (arXiv 2502.16681)"
)
RIVALS = ("frozen", "PCA", "everything")
"""What a dictionary is compared with data set by data set."""


class Results(NamedTuple):
    """What everything probed did on every data set."""

    names: list[str]
    """The data sets."""
    what: list[Probed]
    trials: list[list[Trial]]
    """By what was probed, then by data set."""
    seconds: list[float]
    """Time spent on each thing probed."""


def table(results: Results, *, ks: Sequence[int], seed: int) -> list[Measured]:
    """Return the scores of everything probed."""
    rivals = {one.name: i for i, one in enumerate(results.what) if one.name in RIVALS}
    made = []
    for i, one in enumerate(results.what):
        beside = rivals if one.role == "dictionary" else {}
        scores = _scores(results, i, beside, ks=ks, seed=seed)
        scores += [_over_splits(results, i, k) for k in (ks[0], ks[-1])]
        made.append(
            Measured(
                name=one.name,
                role=one.role,
                about=one.about,
                scores={score.name: score for score in scores},
                n_latents=one.dictionary.n_latents if one.dictionary else None,
            )
        )
    return made


def _scores(
    results: Results, i: int, beside: Mapping[str, int], *, ks: Sequence[int], seed: int
) -> list[Score]:
    """Return means over data sets; for a dictionary, what it is ahead of others as well."""
    columns = {}
    for measure, name in enumerate(MEASURES):
        for k in ks:
            columns[f"{name}, k {k}"] = _values(results.trials[i], k, measure)
    for rival, j in beside.items():
        for k in (ks[0], ks[-1]):
            ahead = _values(results.trials[i], k, 0) - _values(results.trials[j], k, 0)
            columns[f"ahead of {rival}, k {k}"] = ahead
    sums = DocumentSums([*columns, "n"])
    n = len(results.names)
    tensors = {name: torch.from_numpy(values) for name, values in columns.items()}
    sums.add(torch.arange(n), {**tensors, "n": torch.ones(n)})
    metrics = [_metric(name) for name in columns]
    return score(metrics, sums, n=n, seconds=results.seconds[i], seed=seed)


def _metric(column: str) -> Metric:
    kind = column.split(",")[0]
    return Metric(
        name=column,
        unit="",
        better="higher",
        definition=f"{_MEANS.get(kind, _AHEAD)}; mean over splits, then over data sets; interval "
        "by resampling data sets",
        source=SOURCE,
        formula=lambda sums: sums[column] / sums["n"],
    )


_MEANS = {
    "accuracy": "share of test examples on the right side; both labels are as frequent",
    "AUC": "share of pairs of test examples of either label in the right order",
    "F1": "2 hits / (predicted + positives) on test examples",
}
_AHEAD = "accuracy less that of the other on the same test examples"


def _values(trials: Sequence[Trial], k: int, measure: int) -> Float[np.ndarray, " n"]:
    return np.array([one.values[k][:, measure].mean() for one in trials])


def _over_splits(results: Results, i: int, k: int) -> Score:
    """Return how far the mean accuracy moves from split to split."""
    each = np.mean([one.values[k][:, 0] for one in results.trials[i]], axis=0)
    return Score(
        name=f"sd over splits, k {k}",
        value=float(each.std(ddof=1)) if len(each) > 1 else None,
        low=None,
        high=None,
        n=len(each),
        unit="",
        better="lower",
        definition="standard deviation, over the splits, of the accuracy averaged over data sets",
        source="ours",
        seconds=results.seconds[i],
    )


def by_k(measured: Sequence[Measured], ks: Sequence[int]) -> Figure:
    """Draw accuracy by the number of columns."""
    curves = []
    for one in measured:
        scores = [one.scores[f"accuracy, k {k}"] for k in ks]
        points = [Point(k, s.value or 0, s.low, s.high) for k, s in zip(ks, scores, strict=True)]
        curves.append(Curve(one.name, one.role, points))
    return Figure(
        "Accuracy of sparse probes",
        Axis("columns a probe reads, k", is_log=True),
        Axis("accuracy on test examples"),
        curves,
        "The dictionary against the frozen twin is what training its directions gave; intervals are"
        " over data sets, so they are far wider than the difference of two lines is uncertain.",
    )


def beside(results: Results, *, k: int) -> Figure:
    """Draw each data set by the accuracies of a dictionary and of whatever comes next."""
    names = [one.name for one in results.what]
    rival = names.index("frozen") if "frozen" in names else names.index("coordinates")
    x, y = (_values(results.trials[i], k, 0) for i in (rival, 0))
    pairs = zip(x.tolist(), y.tolist(), strict=True)
    dots = Curve(names[0], "dictionary", [Point(a, b) for a, b in pairs], is_joined=False)
    line = Curve("equal", "baseline", [Point(0.4, 0.4), Point(1, 1)])
    column = "one column" if k == 1 else f"{k} columns"
    return Figure(
        f"Each data set, with {column}",
        Axis(f"accuracy of {names[rival]}"),
        Axis("accuracy of the dictionary"),
        [dots, line],
        "A dot is a data set; above the line the dictionary is better, and a dot's own error is"
        " some hundredths.",
    )
