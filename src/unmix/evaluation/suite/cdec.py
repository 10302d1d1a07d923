"""c_dec: are directions more alike than they need be, and at which L0 the least?

    c_dec = mean over pairs i != j of |cos(d_i, d_j)|

With too few latents a token, each takes up parts of features that go together, and with too many
they degenerate: in both cases directions become more alike.

Axes: m latents, d width, r resamples.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from torch import Tensor

from unmix.evaluation.candidates import Role
from unmix.evaluation.matching import alikeness
from unmix.evaluation.result import Measured
from unmix.evaluation.score import COVERAGE, RESAMPLES, Score
from unmix.evaluation.suite.detection.scoring import over_latents
from unmix.evaluation.suite.finding import Axis, Curve, Figure, Finding, Point
from unmix.evaluation.suite.metric import Size, SuiteMetric
from unmix.evaluation.suite.shapes import RANDOM, configs, directions, groups, random_like
from unmix.evaluation.suite.subject import Subject
from unmix.evaluation.words import number

SOURCE = "Chanin and Garriga-Alonso 2025"
DEFINITION = "mean unsigned cosine of the directions of two latents"
HOW = "mean over pairs of latents, the interval by resampling latents"
WITHOUT = ("k", "weight")
"""Settings that decide the L0."""
ALONE = "one L0 says nothing of where the smallest c_dec lies: sweep `k` to see it"


class Level(NamedTuple):
    """A dictionary in a series that differs in L0 alone."""

    name: str
    l0: float
    terms: Float[np.ndarray, " m"]


def settings(size: Size) -> Mapping[str, object]:
    """Return the seed of the random directions and of the resamples."""
    return {"seed": 0}


def applies(subject: Subject) -> str:
    """Return nothing: every dictionary has directions."""
    return ""


def measure(subject: Subject, settings: Mapping[str, object]) -> Finding:
    """Measure c_dec of every dictionary of a run, and where it is smallest."""
    start = time.perf_counter()
    seed = int(str(settings["seed"]))
    rows = _rows(subject, seed=seed)
    known, measured = {}, []
    for name, role, about, W_dec in rows:
        subject.report(f"comparing the directions of {name} with each other")
        began = time.perf_counter()
        known[name] = terms(W_dec)
        score = _score(known[name], seconds=time.perf_counter() - began, seed=seed)
        row = {score.name: score}
        measured.append(
            Measured(name=name, role=role, about=about, scores=row, n_latents=len(W_dec))
        )
    series = [
        [Level(name, subject.l0(name), known[name]) for name in names]
        for names in groups(configs(subject), but=WITHOUT)
        if len(names) > 1
    ]
    return Finding(
        name="cdec",
        title="c_dec over L0",
        asks="Are directions more alike than they need be, and with how many latents the least?",
        measured=measured,
        figures=[_figure(series, measured)] if series else [],
        notes=[suggestion(sorted(one, key=lambda x: x.l0), seed=seed) for one in series] or [ALONE],
        settings=dict(settings),
        seconds=time.perf_counter() - start,
        kept=[],
    )


def _rows(subject: Subject, *, seed: int) -> list[tuple[str, Role, str, Tensor]]:
    """Return the directions of dictionaries, of the frozen twin, and random ones of each shape."""
    every = directions(subject)
    rows: list[tuple[str, Role, str, Tensor]] = [
        (one.name, "dictionary", one.about, every[one.name])
        for one in subject.coded
        if one.role == "dictionary"
    ]
    if subject.frozen is not None:
        about = "directions that stayed at their random start"
        rows.append(("frozen", "frozen", about, subject.frozen.W_dec.detach()))
    for shape in dict.fromkeys(W_dec.shape for *_, W_dec in rows):
        name = f"{RANDOM} ({shape[0]:,})" if len({len(row[-1]) for row in rows}) > 1 else RANDOM
        like = next(W_dec for *_, W_dec in rows if W_dec.shape == shape)
        rows.append((name, "baseline", "drawn at random", random_like(like, seed=seed)))
    return rows


def terms(W_dec: Float[Tensor, "m d"]) -> Float[np.ndarray, " m"]:
    """Return a number of each latent; their mean is c_dec, and moves as c_dec does.

    c_dec is a mean over pairs, in which a latent has a part twice.  The terms are `2 r_i - c_dec`
    with `r_i` the mean unsigned cosine with all others (Hoeffding's projection): resampling them
    gives the spread of c_dec, where resampling the `r_i` would give half of it.
    """
    each = alikeness(W_dec).numpy()
    return 2 * each - each.mean()


def suggestion(series: Sequence[Level], *, seed: int) -> str:
    """Say at which L0 of a series, ascending, c_dec is smallest, and how sure that is."""
    l0 = np.array([one.l0 for one in series])
    best = int(np.argmin([one.terms.mean() for one in series]))
    rng = np.random.default_rng(seed)
    drawn = [
        one.terms[rng.integers(len(one.terms), size=(RESAMPLES, len(one.terms)))].mean(1)
        for one in series
    ]
    tail = (1 - COVERAGE) / 2
    lowest = l0[np.argmin(np.stack(drawn), axis=0)]
    low, high = np.quantile(lowest, [tail, 1 - tail], method="nearest")
    said = (
        f"c_dec is smallest at L0 {number(l0[best])} (`{series[best].name}`), of {len(series)} "
        f"from {number(l0[0])} to {number(l0[-1])}; with other latents between {number(low)} and "
        f"{number(high)}"
    )
    if best in (0, len(series) - 1):
        said += f"; it lies at the end, so try a {'smaller' if best == 0 else 'larger'} L0, too"
    return said


def _score(values: Float[np.ndarray, " m"], *, seconds: float, seed: int) -> Score:
    about: dict[str, Any] = {"definition": DEFINITION, "source": SOURCE, "better": "lower"}
    return over_latents("c_dec", values, how=HOW, seconds=seconds, seed=seed, **about)


def _figure(series: Sequence[Sequence[Level]], measured: Sequence[Measured]) -> Figure:
    """Draw c_dec against L0, and what random directions of the shapes have."""
    scores = {one.name: one.scores["c_dec"] for one in measured}
    curves = []
    for levels in series:
        points = [
            Point(one.l0, float(one.terms.mean()), scores[one.name].low, scores[one.name].high)
            for one in sorted(levels, key=lambda one: one.l0)
        ]
        curves.append(Curve(levels[0].name, "dictionary", points))
    ends = [one.l0 for levels in series for one in levels]
    chance = next(one.value("c_dec") or 0.0 for one in measured if one.role == "baseline")
    curves.append(Curve("random", "baseline", [Point(x, chance) for x in (min(ends), max(ends))]))
    return Figure(
        "How alike directions are, by L0",
        Axis("latents a token", is_log=True),
        Axis("c_dec"),
        curves,
        "The smallest value is a hint at the right L0, no proof: latents that never fire keep "
        "random directions and draw c_dec down to the random line.",
    )


METRIC = SuiteMetric(
    name="cdec",
    title="c_dec over L0",
    sizes=("quick", "full"),
    code=(
        "unmix.evaluation.fidelity",
        "unmix.evaluation.matching",
        "unmix.evaluation.suite.cdec",
        "unmix.evaluation.suite.detection.scoring",
        "unmix.evaluation.suite.shapes",
    ),
    settings=settings,
    applies=applies,
    measure=measure,
)
