"""The difference between two libraries on the same documents, with its interval."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unmix.evaluation.score import DocumentSums, Metric, score


class Difference(NamedTuple):
    """Ours less theirs, each averaged over its seeds."""

    value: float
    low: float
    """Lower end of the 95 % interval, over resamples of the documents."""
    high: float


def fvu(ours: Sequence[dict[str, Any]], theirs: Sequence[dict[str, Any]]) -> Difference:
    """Return how much higher our FVU is."""
    columns = {"a": _mean(ours, "fvu sums", "error"), "b": _mean(theirs, "fvu sums", "error")}
    columns["total"] = _mean(ours, "fvu sums", "total")
    return _difference(columns, ours[0]["fvu sums"]["documents"], "total", "none")


def ce_score(ours: Sequence[dict[str, Any]], theirs: Sequence[dict[str, Any]]) -> Difference:
    """Return how much higher our CE score against mean ablation is."""
    columns = {"b": _mean(ours, "ce sums", "ce"), "a": _mean(theirs, "ce sums", "ce")}
    for end in ("mean", "original"):
        columns[f"ce {end}"] = _mean(ours, "ce sums", f"ce {end}")
    return _difference(columns, ours[0]["ce sums"]["documents"], "ce mean", "ce original")


def _mean(readings: Sequence[dict[str, Any]], sums: str, column: str) -> Tensor:
    return torch.tensor([reading[sums][column] for reading in readings]).double().mean(0)


def _difference(
    columns: dict[str, Tensor], documents: list[int], top: str, bottom: str
) -> Difference:
    """Return `(a - b) / (top - bottom)` with its interval."""
    columns = columns | {"none": torch.zeros(len(documents))}
    sums = DocumentSums(tuple(columns))
    sums.add(torch.tensor(documents), columns)
    metric = Metric(
        name="difference",
        unit="",
        better="neither",
        definition="ours less theirs",
        source="",
        formula=lambda s: (s["a"] - s["b"]) / (s[top] - s[bottom]),
    )
    (made,) = score((metric,), sums, n=len(documents), seconds=0.0)
    assert made.value is not None
    assert made.low is not None
    assert made.high is not None
    return Difference(made.value, made.low, made.high)
