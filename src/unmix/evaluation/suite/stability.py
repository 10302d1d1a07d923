"""Stability: do other chances give the same latents?

    PW-MCC  = max over one-to-one assignments a of  mean_i |cos(d_i, d'_a(i))|

with the directions of two dictionaries that differ in their seed alone, of one run or of two.  The
assignment is exact (by scipy's `linear_sum_assignment`: 2 seconds for 4,608 latents, 8 for 9,216).
Above `largest` latents only nearest neighbours are looked at, under names of their own.

Axes: m latents, d width.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from unmix.dictionaries.files import TENSORS, load, read_card
from unmix.disk import file_sha256
from unmix.errors import UserError
from unmix.evaluation.candidates import Role
from unmix.evaluation.matching import cosines, partners
from unmix.evaluation.result import Measured
from unmix.evaluation.score import Score
from unmix.evaluation.suite.detection.scoring import over_latents
from unmix.evaluation.suite.finding import Axis, Curve, Figure, Finding, Point
from unmix.evaluation.suite.metric import Size, SuiteMetric
from unmix.evaluation.suite.shapes import ALL, RANDOM, configs, directions, groups, random_like
from unmix.evaluation.suite.subject import Subject
from unmix.training.finished import dictionaries

ABOVE = 0.7
"""Cosine from which two latents count as one (Paulo and Belrose 2025)."""
SHOWN = 49
"""Points of a curve."""
PW_MCC = "Song et al. 2025; Paulo and Belrose 2025 for the share above 0.7"
NEAREST = "Sharkey et al. 2022 (MMCS), between two dictionaries and unsigned"
MUTUAL = "ours: a lower bound of the share of the best assignment, without the assignment"
WHY_NOT = (
    "it takes dictionaries that differ in their seed alone: train with `--sweep.seed 0 1 2`, or "
    "name another run with `--against RUN`"
)
NOTES = [
    "latents that never fire stay near their random start and count as unlike",
    "seeds of one sweep decide the first directions alone: the data and its order are the same",
]


class Alike(NamedTuple):
    """How alike each latent of one dictionary is to those of another."""

    matched: Float[np.ndarray, " m"]
    """To the one assigned to it; NaN where none was."""
    nearest: Float[np.ndarray, " m"]
    """To the one most like it."""
    mutual: Bool[np.ndarray, " m"]
    """Whether it is in turn the one most like that one."""


class Row(NamedTuple):
    """One dictionary or control, and the dictionaries it is compared with."""

    name: str
    role: Role
    about: str
    W_dec: Tensor
    others: list[Tensor]


def settings(size: Size) -> Mapping[str, object]:
    """Return up to how many latents the best assignment is looked for."""
    return {"largest": {"quick": 9216, "full": 12288}[size], "seed": 0}


def reads(settings: Mapping[str, object]) -> Mapping[str, str]:
    """Return the fingerprints of the dictionaries of the other run, if one was named."""
    if "against" not in settings:
        return {}
    files = {
        name: folder / TENSORS
        for name, folder in dictionaries(Path(str(settings["against"]))).items()
    }
    for file in files.values():
        if not file.is_file():
            raise UserError(f"`{file}` does not exist; put it back or name another run")
    return {name: file_sha256(file) for name, file in files.items()}


def applies(subject: Subject) -> str:
    """Return why there is nothing to compare, or nothing."""
    has_seeds = any(len(names) > 1 for names in groups(configs(subject), but=["seed"]))
    return "" if has_seeds or "against" in subject.options.get("stability", {}) else WHY_NOT


def measure(subject: Subject, settings: Mapping[str, object]) -> Finding:
    """Compare every dictionary of a run with those that differ in their seed alone."""
    start = time.perf_counter()
    seed, largest = int(str(settings["seed"])), int(str(settings["largest"]))
    measured, curves = [], []
    for row in _rows(subject, settings, seed=seed):
        subject.report(f"comparing the directions of {row.name} with {len(row.others)} more")
        began = time.perf_counter()
        made = [alike(row.W_dec, other, largest=largest) for other in row.others]
        found = {one.name: one for one in scores(made, began=began, seed=seed)}
        told = {"name": row.name, "about": row.about, "n_latents": len(row.W_dec)}
        measured.append(Measured(role=row.role, scores=found, **told))
        curves.append(_curve(row.name, row.role, made))
    return Finding(
        name="stability",
        title="Stability across seeds",
        asks="Do other random choices lead to the same latents?",
        measured=measured,
        figures=[_figure(curves)],
        notes=NOTES,
        settings=dict(settings),
        seconds=time.perf_counter() - start,
        kept=[],
    )


def _rows(subject: Subject, settings: Mapping[str, object], *, seed: int) -> list[Row]:
    """Return what is compared with what; controls take the place of the first dictionary."""
    every = directions(subject)
    others = {name: [every[other] for other in found] for name, found in _seeds(subject).items()}
    if "against" in settings:
        for name, found in _other_run(subject, Path(str(settings["against"]))).items():
            others.setdefault(name, []).append(found)
    first, beside = next(iter(others.items()))
    rows = [
        Row(name, "dictionary", f"beside {len(found)} of another seed", every[name], found)
        for name, found in others.items()
    ]
    if subject.frozen is not None and subject.frozen.W_dec.shape == every[first].shape:
        about = f"directions that stayed at a random start, in the place of {first}"
        rows.append(Row("frozen", "frozen", about, subject.frozen.W_dec.detach(), beside))
    about = f"directions drawn at random, in the place of {first}"
    rows.append(Row(RANDOM, "baseline", about, random_like(every[first], seed=seed), beside))
    return rows


def alike(W: Float[Tensor, "m d"], V: Float[Tensor, "f d"], *, largest: int) -> Alike:
    """Say how alike each latent of one dictionary is to those of another, whatever the sign."""
    size = cosines(W, V).abs()
    nearest, there = size.max(1)
    back = size.argmax(0)
    mutual = back[there] == torch.arange(len(size))
    matched = np.full(len(size), np.nan)
    if len(W) == len(V) <= largest:
        pairs = partners(size)
        matched[pairs.latents.numpy()] = pairs.cosines.numpy()
    return Alike(matched, nearest.double().numpy(), mutual.numpy())


def scores(made: list[Alike], *, began: float, seed: int) -> list[Score]:
    """Return the scores of one dictionary, from what it is to each of some others."""
    shared: dict[str, Any] = {
        "better": "higher",
        "how": f"mean over the others, then {ALL}",
        "seconds": time.perf_counter() - began,
        "seed": seed,
    }
    matched = np.stack([one.matched for one in made])
    nearest = np.stack([one.nearest for one in made])
    mutual = np.stack([one.mutual for one in made]) & (nearest > ABOVE)
    found = []
    if not np.isnan(matched).any():
        best = "the one-to-one assignment with the largest sum of unsigned cosines"
        about = f"mean unsigned cosine of directions under {best}"
        above = (matched > ABOVE).mean(0)
        share = f"share of latents whose partner under {best} is more alike than {ABOVE}"
        found += [
            over_latents("PW-MCC", matched.mean(0), definition=about, source=PW_MCC, **shared),
            over_latents("matched > 0.7", above, definition=share, source=PW_MCC, **shared),
        ]
    about = f"share of latents that are each the most like the other, and more than {ABOVE}"
    nearly = "mean unsigned cosine with the most alike latent of the other, which many may share"
    return [
        *found,
        over_latents("mutual > 0.7", mutual.mean(0), definition=about, source=MUTUAL, **shared),
        over_latents("nearest", nearest.mean(0), definition=nearly, source=NEAREST, **shared),
    ]


def _seeds(subject: Subject) -> dict[str, list[str]]:
    """Return the dictionaries that differ in their seed alone, by each of them."""
    found = groups(configs(subject), but=["seed"])
    return {
        name: [other for other in names if other != name]
        for names in found
        for name in names
        if len(names) > 1
    }


def _other_run(subject: Subject, run: Path) -> dict[str, Tensor]:
    """Return the directions of another run's dictionaries by the name of their likes in this one.

    Raises:
        UserError: It has no like of any of them, or holds the very same dictionaries.
    """
    mine, theirs = subject.folders, dictionaries(run)
    pairs = {name: theirs[name] for name in mine if name in theirs}
    if not pairs and len(mine) == len(theirs) == 1:
        pairs = dict(zip(mine, theirs.values(), strict=True))
    made = {}
    for name, folder in pairs.items():
        here, there = read_card(mine[name]), read_card(folder)
        is_alike = (here.target or here.site, here.d_out) == (
            there.target or there.site,
            there.d_out,
        )
        if here.model != there.model or here.n_latents != there.n_latents or not is_alike:
            continue
        if file_sha256(folder / TENSORS) == file_sha256(mine[name] / TENSORS):
            raise UserError(f"`{run}` holds the very same dictionary; name a run of another seed")
        made[name] = load(folder).W_dec.detach()
    if not made:
        raise UserError(
            f"`{run}` has no dictionary of the same name, model, site and number of latents; "
            "train one that differs in its seed alone"
        )
    return made


def _curve(name: str, role: Role, made: list[Alike]) -> Curve:
    """Return the share of latents at least as alike as x."""
    values = np.concatenate([one.matched for one in made])
    if np.isnan(values).any():
        values = np.concatenate([one.nearest for one in made])
    steps = np.linspace(0, 1, SHOWN)
    return Curve(name, role, [Point(float(x), float((values >= x).mean())) for x in steps])


def _figure(curves: list[Curve]) -> Figure:
    return Figure(
        "Latents found again with another seed",
        Axis("unsigned cosine with the partner, at least"),
        Axis("share of latents"),
        curves,
        "A step at the right are latents that every seed finds; what lies on the random curve is "
        "no more alike than chance makes it, and chance makes more of it in few dimensions.",
    )


METRIC = SuiteMetric(
    name="stability",
    title="Stability across seeds",
    sizes=("quick", "full"),
    code=(
        "unmix.evaluation.matching",
        "unmix.evaluation.suite.detection.scoring",
        "unmix.evaluation.suite.shapes",
        "unmix.evaluation.suite.stability",
    ),
    settings=settings,
    applies=applies,
    measure=measure,
    reads=reads,
)
