"""Probe loss: how well the one best latent tells two kinds of text apart (Gao et al. 2024).

    min over i, w, b   E[ -y log p - (1 - y) log(1 - p) ],      p = sigmoid(w z_i + b)

The latent and its probe are found on training examples; the loss on the rest is the number.  The
minimum itself falls with the number of latents whatever they mean, as shuffled labels show.
"""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from unmix.disk import write_text
from unmix.evaluation.candidates import Role
from unmix.evaluation.result import Measured
from unmix.evaluation.score import DocumentSums, Metric, Score, score
from unmix.evaluation.suite.finding import Axis, Curve, Figure, Finding, Point
from unmix.evaluation.suite.metric import Size
from unmix.evaluation.suite.probe_loss.single import cross_entropy, entries, fit, sizes
from unmix.evaluation.suite.probing.data import load
from unmix.evaluation.suite.probing.features import (
    COMPONENTS,
    COORDINATES,
    Columns,
    Probed,
    Split,
    coded,
)
from unmix.evaluation.suite.probing.measure import divided, read
from unmix.evaluation.suite.probing.measure import settings as settings_of_probing
from unmix.evaluation.suite.subject import Subject

ASKS = "How well does the one best latent tell two kinds of text apart?"
SOURCE = "Gao et al. 2024, section 4.2; on data sets of Kantamneni et al. 2025, held out"
FILE = "suite/probe_loss/data_sets.jsonl"
ENTROPY = float(np.log(2))
"""Of the label: as many texts of either."""
NOTES = [
    f"knowing nothing costs the entropy of the label, {ENTROPY:.3f} nats; more is worse than that",
    "the minimum on training examples falls with the number of latents: compare it with that for"
    " shuffled labels",
    "intervals by resampling data sets; texts and splits are those of sparse probing",
]


class Found(NamedTuple):
    """The best columns of one thing on one data set."""

    held_out: Float[np.ndarray, " v"]
    """Cross-entropy on test examples, by split."""
    in_sample: Float[np.ndarray, " v"]
    """The minimum over columns, on training examples."""
    chosen: list[int]
    """The best column of each split."""


class Row(NamedTuple):
    """One row of the table before it is scored."""

    what: Probed
    name: str
    role: Role
    about: str
    is_shuffled: bool


class Tried(NamedTuple):
    """What one row found on every data set."""

    row: Row
    found: list[Found]
    seconds: float

    @property
    def losses(self) -> Float[np.ndarray, " n"]:
        """The mean probe loss on each data set."""
        return np.array([one.held_out.mean() for one in self.found])


def settings(size: Size) -> Mapping[str, object]:
    """Return those of sparse probing, but for k."""
    return {name: value for name, value in settings_of_probing(size).items() if name != "ks"}


def applies(subject: Subject) -> str:
    """Return nothing: every run has a model and a site."""
    return ""


def measure(subject: Subject, settings: Mapping[str, Any]) -> Finding:
    """Find the best latent of every dictionary of a run for every data set."""
    start = time.perf_counter()
    data = load(settings)
    acts = read(subject, data, most=int(settings["tokens"]))
    tried = []
    for row in rows(coded(subject)):
        subject.report(f"finding the best column of {row.name} for {len(data)} data sets")
        began = time.perf_counter()
        found = [
            best(row.what, x, one.labels, parts=divided(one, settings), shuffled=row.is_shuffled)
            for one, x in zip(data, acts, strict=True)
        ]
        tried.append(Tried(row, found, time.perf_counter() - began))
    write_text(subject.run / FILE, "".join(_lines([one.name for one in data], tried)))
    made = table(tried)
    return Finding(
        name="probe_loss",
        title="Probe loss",
        asks=ASKS,
        measured=made,
        figures=[_figure(tried)],
        notes=NOTES,
        settings=dict(settings),
        seconds=time.perf_counter() - start,
        kept=[FILE],
    )


def rows(made: Sequence[Probed]) -> list[Row]:
    """Return what is measured: dictionaries, shuffled labels, coordinates, components."""
    first = made[0]
    about = f"latents of {first.name}, the labels of training examples dealt anew: chance"
    return [
        *(Row(one, one.name, one.role, one.about, False) for one in made),
        Row(first, "shuffled labels", "random", about, True),
        *(Row(one, one.name, one.role, one.about, False) for one in (COORDINATES, COMPONENTS)),
    ]


def best(
    what: Probed,
    x: Float[Tensor, "n d"],
    labels: Bool[np.ndarray, " n"],
    *,
    parts: Sequence[Split],
    shuffled: bool = False,
) -> Found:
    """Find the column with the least loss on the training examples of each split."""
    found = []
    for number, (part, sides) in enumerate(zip(parts, what.sides(x, parts), strict=True)):
        train, test = _centred(sides.train, sides.test)
        y = labels[part.train]
        if shuffled:
            y = np.random.default_rng(number).permutation(y)
        size = sizes(train)
        known = entries(train, y, size=size)
        probes = fit(known)
        inside = cross_entropy(known, probes)
        column = int(inside.argmin())
        tried = cross_entropy(entries(test, labels[part.test], size=size), probes)
        found.append((tried[column], inside[column], column))
    held_out, in_sample, chosen = zip(*found, strict=True)
    return Found(np.array(held_out), np.array(in_sample), list(chosen))


def _centred(train: Columns, test: Columns) -> tuple[Columns, Columns]:
    """Centre dense columns; sparse ones have their zero where they belong."""
    if not isinstance(train, np.ndarray):
        return train, test
    mean = train.mean(0)
    return train - mean, test - mean


def table(tried: Sequence[Tried]) -> list[Measured]:
    """Score every row; a dictionary is compared data set by data set as well."""
    rivals = {one.row.name: one.losses for one in tried if one.row.name in ("frozen", "PCA")}
    made = []
    for row, found, seconds in tried:
        columns = {"probe loss": [one.held_out.mean() for one in found]}
        if row.role == "dictionary":
            for name, losses in rivals.items():
                columns[f"over {name}"] = list(columns["probe loss"] - losses)
        columns |= {
            "below entropy": [(one.held_out < ENTROPY).mean() for one in found],
            "in sample": [one.in_sample.mean() for one in found],
            "sd over splits": [one.held_out.std(ddof=1) for one in found],
        }
        scores = _scored(columns, n=len(found), seconds=seconds)
        made.append(
            Measured(
                name=row.name,
                role=row.role,
                about=row.about,
                scores={one.name: one for one in scores},
                n_latents=row.what.dictionary.n_latents if row.what.dictionary else None,
            )
        )
    return made


def _scored(columns: Mapping[str, Sequence[float]], *, n: int, seconds: float) -> list[Score]:
    sums = DocumentSums([*columns, "n"])
    tensors = {name: torch.tensor(values, dtype=torch.float64) for name, values in columns.items()}
    sums.add(torch.arange(n), {**tensors, "n": torch.ones(n)})
    return score([_metric(name) for name in columns], sums, n=n, seconds=seconds)


def _lines(names: Sequence[str], tried: Sequence[Tried]) -> list[str]:
    """Give the loss and the columns of each row on each data set as a line of JSON."""
    made = []
    for place, name in enumerate(names):
        line: dict[str, object] = {"data_set": name}
        for one in tried:
            loss = round(float(one.losses[place]), 4)
            line[one.row.name] = {"loss": loss, "columns": one.found[place].chosen}
        made.append(json.dumps(line) + "\n")
    return made


_ABOUT = {
    "probe loss": "cross-entropy on test examples of the probe that is best on training examples",
    "over frozen": "probe loss less that of the frozen twin on the same test examples",
    "over PCA": "probe loss less that of the best principal component on the same test examples",
    "below entropy": "share of splits on which that is below the entropy of the label",
    "in sample": "the least cross-entropy of any column on training examples, as published",
    "sd over splits": "standard deviation of the probe loss over the splits of a data set",
}


def _metric(name: str) -> Metric:
    return Metric(
        name=name,
        unit="" if name == "below entropy" else "nats",
        better="higher" if name == "below entropy" else "lower",
        definition=f"{_ABOUT[name]}; mean over data sets, interval by resampling data sets",
        source=SOURCE if name in ("probe loss", "in sample") else "ours",
        formula=lambda sums: sums[name] / sums["n"],
    )


def _figure(tried: Sequence[Tried]) -> Figure:
    """Draw the share of data sets under each loss."""
    curves = []
    for one in tried:
        losses = np.sort(one.losses)
        share = (np.arange(len(losses)) + 1) / len(losses)
        points = [Point(float(x), float(y)) for x, y in zip(losses, share, strict=True)]
        curves.append(Curve(one.row.name, one.row.role, points))
    return Figure(
        "Probe loss over data sets",
        Axis("probe loss on test examples", "nats"),
        Axis("share of data sets at or under it"),
        curves,
        f"Further left is better; right of {ENTROPY:.2f} nats the best latent on training examples"
        " was chosen by luck.",
    )
