"""A measured number that says how sure it is, what it means and which way is better.

Every metric here is a function of sums over tokens, kept apart by document.  The interval comes
from resampling whole documents with replacement (Efron and Tibshirani 1993, chapter 13, percentile
method): tokens of one document are alike, so an interval over tokens would be far too narrow.

Axes: D documents, c columns, n tokens, r resamples.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Literal, TypeAlias, final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unmix.errors import UserError

Better: TypeAlias = Literal["higher", "lower", "neither"]
Sums: TypeAlias = Mapping[str, Tensor]

RESAMPLES = 1000
"""Bootstrap resamples behind an interval."""
COVERAGE = 0.95
"""Share of resamples inside an interval."""
BLOCK = 2**23
"""Weights held at once while resampling (64 MiB in float64)."""


@final
@dataclass(frozen=True, kw_only=True)
class Score:
    """One number with its interval."""

    name: str
    """What it is called, everywhere."""
    value: float | None
    """The number, or None where it is not defined (a ratio with nothing below the line)."""
    low: float | None
    """Lower end of the 95 % interval by document, or None where there is none."""
    high: float | None
    """Upper end."""
    n: int
    """Tokens it was measured on."""
    unit: str
    """What it is counted in; empty for a plain ratio."""
    better: Better
    """Which way is better."""
    definition: str
    """The formula and what went into it, in a sentence or two."""
    source: str
    """Where the definition comes from."""
    seconds: float
    """Time the measurement took; numbers measured in one pass share it."""

    def to_json(self) -> dict[str, object]:
        """Return a form `json.dump` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> "Score":
        """Return the score `to_json` was called on."""
        known = [field.name for field in fields(cls)]
        if set(data) != set(known):
            odd = ", ".join(sorted(set(data) ^ set(known)))
            raise UserError(f"a score has the wrong keys ({odd}); evaluate the run again")
        return cls(**data)  # type: ignore[arg-type]


@final
@dataclass(frozen=True, kw_only=True)
class Metric:
    """A score before it is measured: its name, its meaning, and its formula over sums."""

    name: str
    unit: str
    better: Better
    definition: str
    source: str
    formula: Callable[[Sums], Tensor]
    """From named sums to the value; each sum may carry leading axes."""


@final
class DocumentSums:
    """Float64 sums of named columns over the tokens of each document.

    Args:
        columns: Names of what is summed.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self.documents = torch.zeros(0, dtype=torch.int64)
        self.sums = torch.zeros(0, len(self.columns), dtype=torch.float64)

    def add(self, documents: Int[Tensor, " n"], columns: Mapping[str, Tensor]) -> None:
        """Add the tokens' columns (each `[n]`) to the sums of the documents they stand in."""
        rows = torch.stack([columns[name].detach().cpu().double() for name in self.columns], 1)
        every = torch.cat([self.documents, documents.cpu()])
        self.documents, where = every.unique(return_inverse=True)
        sums = rows.new_zeros(len(self.documents), len(self.columns))
        self.sums = sums.index_add_(0, where, torch.cat([self.sums, rows]))

    def total(self) -> dict[str, Tensor]:
        """Return the sums over all documents."""
        return self._named(self.sums.sum(0))

    def resampled(self, *, resamples: int, seed: int) -> Iterator[dict[str, Tensor]]:
        """Give the sums of resampled sets of documents, some resamples at a time."""
        rng = np.random.default_rng(seed)
        n = len(self.documents)
        size = max(1, BLOCK // n)
        for start in range(0, resamples, size):
            count = min(size, resamples - start)
            weights = torch.from_numpy(rng.multinomial(n, np.full(n, 1 / n), size=count))
            yield self._named(weights.double() @ self.sums)

    def _named(self, sums: Float[Tensor, "*r c"]) -> dict[str, Tensor]:
        return dict(zip(self.columns, sums.unbind(-1), strict=True))


def score(
    metrics: Sequence[Metric],
    sums: DocumentSums,
    *,
    n: int,
    seconds: float,
    columns: Mapping[str, str] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Score]:
    """Measure every metric on the same resamples of the documents.

    With one seed, sets of the same documents are resampled alike, so scores of two dictionaries
    rise and fall together.  A single document gives no interval.

    Args:
        columns: Which column stands for each name in the formulas, if they are called otherwise.
    """
    values = _evaluate(metrics, _renamed(sums.total(), columns))
    bounds: list[tuple[float | None, float | None]] = [(None, None)] * len(metrics)
    if len(sums.documents) > 1:
        blocks = sums.resampled(resamples=resamples, seed=seed)
        drawn = torch.cat([_evaluate(metrics, _renamed(block, columns)) for block in blocks], 1)
        bounds = [_interval(row) for row in drawn]
    return [
        _score(metric, value, between, n=n, seconds=seconds)
        for metric, value, between in zip(metrics, values.tolist(), bounds, strict=True)
    ]


def _score(
    metric: Metric,
    value: float,
    between: tuple[float | None, float | None],
    *,
    n: int,
    seconds: float,
) -> Score:
    known = float("-inf") < value < float("inf")
    return Score(
        name=metric.name,
        value=value if known else None,
        low=between[0] if known else None,
        high=between[1] if known else None,
        n=n,
        unit=metric.unit,
        better=metric.better,
        definition=metric.definition,
        source=metric.source,
        seconds=seconds,
    )


def _evaluate(metrics: Sequence[Metric], sums: Sums) -> Float[Tensor, "q *r"]:
    return torch.stack([metric.formula(sums).double() for metric in metrics])


def _renamed(sums: Mapping[str, Tensor], columns: Mapping[str, str] | None) -> Sums:
    return sums if columns is None else {name: sums[old] for name, old in columns.items()}


def _interval(values: Float[Tensor, " r"]) -> tuple[float | None, float | None]:
    """Return the middle 95 % of the resampled values that are defined."""
    values = values[values.isfinite()]
    if not len(values):
        return None, None
    tail = (1 - COVERAGE) / 2
    low, high = values.quantile(values.new_tensor([tail, 1 - tail])).tolist()
    return low, high
