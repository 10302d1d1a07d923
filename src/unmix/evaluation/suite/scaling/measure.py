"""Coefficients of the curves with intervals, and PCA beside them.

Axes: p points, r resamples.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from unmix.activations.source import held_out
from unmix.evaluation.candidates import Role
from unmix.evaluation.controls import linear, spread
from unmix.evaluation.fidelity import FVU, L0, Fidelity, FidelityPass
from unmix.evaluation.result import Measured
from unmix.evaluation.score import COVERAGE, Score
from unmix.evaluation.suite.finding import Axis, Curve, Figure, Finding, Point
from unmix.evaluation.suite.metric import Size
from unmix.evaluation.suite.scaling.laws import (
    OF_K,
    OF_N,
    Law,
    Points,
    fit,
    left_out,
    left_out_of_mean,
    predicted,
)
from unmix.evaluation.suite.scaling.series import WHY_NOT, Series, series
from unmix.evaluation.suite.shapes import configs
from unmix.evaluation.suite.subject import Subject

SOURCE = "Gao et al. 2024, section 3"
HOW = "least squares in log L, the interval by resampling held-out documents"
SHOWN = 24
"""Points of a fitted curve."""
ERROR = "left-out error"
NOTES = [
    "L is the share left unexplained (FVU) on held-out tokens, k the latents a token as measured",
    "intervals hold the dictionaries fixed: what another seed or longer training changes is not in "
    "them",
    "a curve of a short run mixes size with how far training came: a wide dictionary needs more "
    "tokens",
]


class Levels(NamedTuple):
    """What is known of one dictionary, and in each resample of the documents."""

    n: int
    k: Float[np.ndarray, " r"]
    """The first is the value itself, the others are of resampled documents."""
    loss: Float[np.ndarray, " r"]


class Fitted(NamedTuple):
    """A curve through some dictionaries."""

    name: str
    role: Role
    about: str
    law: Law
    points: Points
    coefficients: Float[np.ndarray, "r c"]
    """The first row is the fit, the others are of resampled documents."""
    seconds: float


def settings(size: Size) -> Mapping[str, object]:
    """Return how often the documents are resampled."""
    return {"resamples": {"quick": 100, "full": 400}[size], "seed": 0}


def applies(subject: Subject) -> str:
    """Return why there is no curve, or nothing."""
    return "" if series(configs(subject)) else WHY_NOT


def measure(subject: Subject, settings: Mapping[str, object]) -> Finding:
    """Fit every curve that the dictionaries of a run allow."""
    start = time.perf_counter()
    given = {name: int(str(settings[name])) for name in ("resamples", "seed")}
    found = series(configs(subject))
    levels = {
        one.name: levels_of(subject.fidelity[one.name], one.n_latents or 0, **given)
        for one in subject.coded
    }
    fitted = [_fitted(one, levels) for one in found]
    if any("beta_k" in one.law.coefficients for one in found):
        fitted.append(_pca(subject, [levels[name] for one in found for name in one.names], given))
    measured = [
        Measured(name=one.name, role=one.role, about=one.about, scores=scores(one))
        for one in fitted
    ]
    measured += [_mean(one) for one in fitted if one.role == "dictionary"]
    twin = levels.get("frozen")
    figures = [
        _figure([one for one in fitted if one.law is law], over, twin)
        for law, over in ((OF_N, "n"), (OF_K, "k"))
        if any(one.law is law and one.role == "dictionary" for one in fitted)
    ]
    figures += [_fit_figure(one) for one in fitted if len(one.law.coefficients) > 2]
    return Finding(
        name="scaling",
        title="Scaling laws",
        asks="How does the error fall with latents, and with latents a token?",
        measured=measured,
        figures=figures,
        notes=NOTES,
        settings=dict(settings),
        seconds=time.perf_counter() - start,
        kept=[],
    )


def levels_of(fidelity: Fidelity, n: int, *, resamples: int, seed: int) -> Levels:
    """Return the error and the L0 of a dictionary, also of resampled documents."""
    total = fidelity.sums.total()
    k, loss = [[float(L0.formula(total))]], [[float(FVU.formula(total))]]
    if len(fidelity.sums.documents) > 1:
        for block in fidelity.sums.resampled(resamples=resamples, seed=seed):
            k.append(L0.formula(block).tolist())
            loss.append(FVU.formula(block).tolist())
    return Levels(n, np.concatenate(k), np.concatenate(loss))


def fit_all(law: Law, levels: Sequence[Levels]) -> tuple[Points, Float[np.ndarray, "r c"]]:
    """Fit a curve to some dictionaries, then to each resample of the documents."""
    n = np.array([float(one.n) for one in levels])
    k, loss = np.stack([one.k for one in levels], 1), np.stack([one.loss for one in levels], 1)
    points = Points(n, k[0], loss[0])
    first = fit(law, points)
    start = first.tolist() if law.has_floor else ()
    rest = [fit(law, Points(n, *row), start=start) for row in zip(k[1:], loss[1:], strict=True)]
    return points, np.stack([first, *rest])


def scores(one: Fitted) -> dict[str, Score]:
    """Return the coefficients of a curve, and how well it foretells points it has not seen."""
    shared: dict[str, Any] = {
        "n": len(one.points.loss),
        "source": SOURCE,
        "seconds": one.seconds,
        "unit": "",
    }
    missed = left_out(one.law, one.points, one.coefficients[0])
    made = [
        Score(name=ERROR, value=missed, low=None, high=None, better="lower", **_ERROR, **shared)
    ]
    tail = (1 - COVERAGE) / 2
    for name, values in zip(one.law.coefficients, one.coefficients.T, strict=True):
        low, high = None, None
        if len(values) > 1:
            low, high = np.quantile(values[1:], [tail, 1 - tail]).tolist()
        about = f"{name} of {one.law.definition}; {HOW}"
        made.append(
            Score(
                name=name,
                value=float(values[0]),
                low=low,
                high=high,
                better="neither",
                definition=about,
                **shared,
            )
        )
    return {score.name: score for score in made}


_ERROR = {
    "definition": "root mean square of log(predicted / measured), each dictionary predicted by the "
    "curve through the others"
}


def _fitted(one: Series, levels: Mapping[str, Levels]) -> Fitted:
    began = time.perf_counter()
    points, coefficients = fit_all(one.law, [levels[name] for name in one.names])
    about = f"{one.law.definition}, of {len(one.names)} dictionaries"
    seconds = time.perf_counter() - began
    return Fitted(one.name, "dictionary", about, one.law, points, coefficients, seconds)


def _mean(one: Fitted) -> Measured:
    """Return how well no curve at all would do."""
    missed = left_out_of_mean(one.points)
    score = Score(
        name=ERROR,
        value=missed,
        low=None,
        high=None,
        n=len(one.points.loss),
        unit="",
        better="lower",
        source="a control",
        seconds=0.0,
        **_ERROR,
    )
    about = f"the mean of the other dictionaries in the place of {one.name}"
    name = f"no curve for {one.name}"
    return Measured(name=name, role="baseline", about=about, scores={ERROR: score})


def _pca(subject: Subject, levels: Sequence[Levels], given: Mapping[str, int]) -> Fitted:
    """Fit L(k) to PCA with as many components as the dictionaries have latents a token."""
    began = time.perf_counter()
    subject.report("fitting PCA to the first training shard")
    source, site, target = subject.source, subject.site, subject.target
    means = source.moments(site).mean, source.moments(target).mean
    first = [source.shard("train", 0)]
    moments = spread(first, site, target, mean_in=means[0], mean_out=means[1])
    most = min(moments.cross.shape)
    wanted = sorted({min(max(1, round(one.k[0])), most) for one in levels})
    made = FidelityPass(
        [linear(moments, site, target, components=rank) for rank in wanted], mean=means[1]
    )
    for shard in held_out(source):
        made.add(shard)
    known = [levels_of(one, 1, **given) for one in made.found().values()]
    points, coefficients = fit_all(OF_K, known)
    about = "k components, the same for every token, fitted to the first training shard"
    seconds = time.perf_counter() - began
    return Fitted("PCA, L(k)", "linear", about, OF_K, points, coefficients, seconds)


def _figure(fitted: Sequence[Fitted], over: str, twin: Levels | None) -> Figure:
    """Draw the dictionaries of some curves and the curves through them."""
    curves = []
    for one in fitted:
        xs = getattr(one.points, over)
        grid = np.geomspace(xs.min(), xs.max(), SHOWN)
        held = Points(grid, grid, grid)
        line = predicted(one.law, one.coefficients[0], held)
        drawn = [Point(float(x), float(y)) for x, y in zip(grid, line, strict=True)]
        curves.append(Curve(one.name, one.role, drawn))
        there = [Point(float(x), float(y)) for x, y in zip(xs, one.points.loss, strict=True)]
        curves.append(Curve(f"{one.name}, measured", one.role, there, is_joined=False))
    if twin is not None:
        x = float(twin.n if over == "n" else twin.k[0])
        curves.append(Curve("frozen", "frozen", [Point(x, float(twin.loss[0]))], is_joined=False))
    return Figure(
        f"The error over {over}",
        Axis("latents" if over == "n" else "latents a token", is_log=True),
        Axis("share left unexplained", is_log=True),
        curves,
        "A power law is a straight line; points that bend away from it are what it does not tell.",
    )


def _fit_figure(one: Fitted) -> Figure:
    """Draw what a curve over n and k gives each dictionary, against what was measured."""
    guess = predicted(one.law, one.coefficients[0], one.points)
    order = np.argsort(one.points.loss)
    points = [Point(float(one.points.loss[i]), float(guess[i])) for i in order]
    ends = [Point(p.x, p.x) for p in (points[0], points[-1])]
    return Figure(
        f"{one.name}: fitted against measured",
        Axis("share left unexplained, measured", is_log=True),
        Axis("fitted", is_log=True),
        [Curve("fitted", one.role, points, is_joined=False), Curve("equal", "baseline", ends)],
        "Points on the line are told by the curve; it was fitted to all of them.",
    )
