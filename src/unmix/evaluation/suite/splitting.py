"""Splitting: what becomes of a latent when the dictionary is wider?

A latent `j` of the wider dictionary is a *child* of latent `i` of the narrower one if `i` is the
most like it of all, and `cos(d_i, d'_j) > 0.7`.  A latent with several children has split.

Axes: m latents of the narrower dictionary, f of the wider one, d width.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unmix.disk import write_text
from unmix.evaluation.candidates import Role
from unmix.evaluation.matching import SLAB, cosines
from unmix.evaluation.result import Measured
from unmix.evaluation.score import Better, Score
from unmix.evaluation.suite.detection.scoring import over_latents
from unmix.evaluation.suite.finding import Axis, Curve, Figure, Finding, Point
from unmix.evaluation.suite.metric import Size, SuiteMetric
from unmix.evaluation.suite.shapes import ALL, RANDOM, configs, directions, groups, random_like
from unmix.evaluation.suite.subject import Subject

ABOVE = 0.7
"""Cosine from which a latent counts as a child."""
MOST = 8
"""Children that have a point of their own in the figure."""
FILE = "suite/splitting.jsonl"
SPLIT = "Bricken et al. 2023 (feature splitting); the threshold as in Leask et al. 2025"
NEW = "Leask et al. 2025 (novel latents)"
WHY_NOT = (
    "it takes dictionaries that differ in their width alone: train with `--sweep.latents 2048 8192`"
)
NOTES = [
    "directions alone are compared: a child may fire on other tokens than its parent",
    "with another seed, too, some latents are not found again; stability says how many",
]


class Split(NamedTuple):
    """What becomes of the latents of one dictionary in a wider one."""

    parent: Int[np.ndarray, " f"]
    """The latent of the narrower one most like each of the wider one; -1 where none is like it."""
    cosine: Float[np.ndarray, " f"]
    """How alike it is."""
    children: Int[np.ndarray, " m"]
    """How many children each latent of the narrower one has."""


class Row(NamedTuple):
    """Two dictionaries, one beside the other."""

    name: str
    role: Role
    about: str
    narrow: Tensor
    wide: Tensor


def settings(size: Size) -> Mapping[str, object]:
    """Return the seed of the random directions and of the resamples."""
    return {"above": ABOVE, "seed": 0}


def applies(subject: Subject) -> str:
    """Return why there is nothing to compare, or nothing."""
    return "" if _pairs(subject) else WHY_NOT


def measure(subject: Subject, settings: Mapping[str, object]) -> Finding:
    """Follow the latents of each dictionary into the next wider one."""
    start = time.perf_counter()
    seed, above = int(str(settings["seed"])), float(str(settings["above"]))
    measured, curves, lines = [], [], []
    for row in _rows(subject, seed=seed):
        subject.report(f"following latents, {row.name}")
        began = time.perf_counter()
        found = split(row.narrow, row.wide, above=above)
        made = {one.name: one for one in scores(found, began=began, seed=seed)}
        measured.append(
            Measured(
                name=row.name,
                role=row.role,
                about=row.about,
                scores=made,
                n_latents=len(row.narrow),
            )
        )
        curves.append(_curve(row, found))
        if row.role == "dictionary":
            lines += _lines(row.name, found)
    write_text(subject.run / FILE, "".join(lines))
    return Finding(
        name="splitting",
        title="Splitting across widths",
        asks="What becomes of a latent when the dictionary is wider?",
        measured=measured,
        figures=[_figure(curves)],
        notes=NOTES,
        settings=dict(settings),
        seconds=time.perf_counter() - start,
        kept=[FILE],
    )


def split(narrow: Float[Tensor, "m d"], wide: Float[Tensor, "f d"], *, above: float) -> Split:
    """Say which latent of the narrower dictionary each of the wider one comes from."""
    slabs = [cosines(part, narrow).max(1) for part in wide.split(max(1, SLAB // len(narrow)))]
    cosine = torch.cat([slab.values for slab in slabs]).double().numpy()
    kin = torch.cat([slab.indices for slab in slabs]).numpy()
    kin[cosine <= above] = -1
    return Split(kin, cosine, np.bincount(kin[kin >= 0], minlength=len(narrow)))


def scores(found: Split, *, began: float, seed: int) -> list[Score]:
    """Return the scores of one pair of dictionaries."""
    shared: dict[str, Any] = {
        "how": ALL,
        "seconds": time.perf_counter() - began,
        "seed": seed,
        "unit": "share of latents",
    }
    child = f"a latent of the wider one that is most like it of all, at a cosine above {ABOVE}"
    given: list[tuple[str, np.ndarray, dict[str, Any]]] = [
        ("found again", found.children >= 1, _about(f"latents with a child: {child}", "higher")),
        ("split", found.children >= 2, _about(f"latents with two children or more: {child}")),
        ("new", found.parent < 0, _about("latents of the wider one that are no child", source=NEW)),
    ]
    made = [
        over_latents(name, marks.astype(np.float64), **about, **shared)
        for name, marks, about in given
    ]
    shared |= {"unit": "", **_about(f"children of a latent: {child}")}
    return [*made, over_latents("children", found.children.astype(np.float64), **shared)]


def _about(definition: str, better: Better = "neither", *, source: str = SPLIT) -> dict[str, Any]:
    return {"definition": definition, "better": better, "source": source}


def _pairs(subject: Subject) -> list[tuple[str, str]]:
    """Return the dictionaries that differ in width alone, each with the next wider one."""
    every = configs(subject)
    series = [
        sorted(names, key=lambda name: every[name].latents)
        for names in groups(every, but=["latents"])
    ]
    return [pair for names in series for pair in pairwise(names)]


def _rows(subject: Subject, *, seed: int) -> list[Row]:
    """Return each pair, and beside the first the frozen twin and random directions."""
    every = directions(subject)
    pairs = _pairs(subject)
    rows = [
        Row(f"{a} in {b}", "dictionary", f"latents of {a}, followed into {b}", every[a], every[b])
        for a, b in pairs
    ]
    first = rows[0]
    if subject.frozen is not None and subject.frozen.d_out == first.wide.shape[1]:
        about = f"directions that stayed at a random start, followed into {pairs[0][1]}"
        rows.append(Row("frozen", "frozen", about, subject.frozen.W_dec, first.wide))
    for a, b in pairs:
        about = f"latents of {a}, followed into as many random directions as {b} has"
        drawn = random_like(every[b], seed=seed)
        name = RANDOM if len(pairs) == 1 else f"{a} in random"
        rows.append(Row(name, "baseline", about, every[a], drawn))
    return rows


def _lines(name: str, found: Split) -> Iterator[str]:
    """Give the children of each latent that has some, the most alike first, as JSON."""
    there = np.flatnonzero(found.parent >= 0)
    order = there[np.lexsort((-found.cosine[there], found.parent[there]))]
    starts = np.searchsorted(found.parent[order], np.arange(len(found.children) + 1))
    for latent in np.flatnonzero(found.children).tolist():
        mine = order[starts[latent] : starts[latent + 1]]
        data = {
            "pair": name,
            "latent": latent,
            "children": mine.tolist(),
            "cosines": [round(float(one), 4) for one in found.cosine[mine]],
        }
        yield json.dumps(data) + "\n"


def _curve(row: Row, found: Split) -> Curve:
    counts = np.bincount(np.minimum(found.children, MOST), minlength=MOST + 1)
    shares = counts / max(len(found.children), 1)
    return Curve(row.name, row.role, [Point(float(i), float(y)) for i, y in enumerate(shares)])


def _figure(curves: Sequence[Curve]) -> Figure:
    return Figure(
        "Children of a latent",
        Axis(f"children in the wider dictionary, {MOST} or more at the end"),
        Axis("share of latents"),
        list(curves),
        "Latents at 0 are lost, at 1 found again, above 1 split; a threshold of the cosine decides "
        "all of it, and a wider dictionary has more chances to pass it.",
    )


METRIC = SuiteMetric(
    name="splitting",
    title="Splitting across widths",
    sizes=("quick", "full"),
    code=(
        "unmix.evaluation.matching",
        "unmix.evaluation.suite.detection.scoring",
        "unmix.evaluation.suite.shapes",
        "unmix.evaluation.suite.splitting",
    ),
    settings=settings,
    applies=applies,
    measure=measure,
)
