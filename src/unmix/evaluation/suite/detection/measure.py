"""Detection without a language model: what simple rules know of latents, and so what an explanation
must beat.
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from unmix.evaluation.result import Measured
from unmix.evaluation.score import Score
from unmix.evaluation.suite.detection.rates import Rates
from unmix.evaluation.suite.detection.rules import RULES, Detected, detect
from unmix.evaluation.suite.detection.sample import TOKENS, Sample, drawing, samples
from unmix.evaluation.suite.detection.scoring import over_latents, too_rare
from unmix.evaluation.suite.finding import Axis, Curve, Figure, Finding, Point
from unmix.evaluation.suite.metric import Size
from unmix.evaluation.suite.subject import Subject

ASKS = "How much of what a latent does is told by the token it fires on, or by a few before it?"
SOURCE = "Paulo et al. 2024 (detection), with rules in the place of a language model"
NOTES = [
    "an explanation that does not beat these rules says no more than tokens do",
    "the control to look at is the frozen twin: directions that learnt nothing fire by rule, too",
    "rules look at no more than three tokens; a latent of topics or positions is beyond them",
]


def settings(size: Size) -> Mapping[str, object]:
    """Return how many latents are drawn, and how much text is read."""
    return {"latents": {"quick": 150, "full": 600}[size], **TOKENS[size], "seed": 0}


def applies(subject: Subject) -> str:
    """Return nothing: every run has latents and tokens."""
    return ""


def measure(subject: Subject, settings: Mapping[str, object]) -> Finding:
    """Try simple rules on latents of every dictionary of a run, and on controls."""
    start = time.perf_counter()
    drawn = drawing(settings)
    found, rates = [], None
    for sample in samples(subject, drawn):
        if rates is None or rates.train is not sample.text.train:
            rates = Rates(*sample.text)
        subject.report(f"trying rules on latents of {sample.name}")
        began = time.perf_counter()
        made = detect_all(rates, sample)
        found.append((sample, made, scores(made, began=began, seed=drawn.seed)))
    return Finding(
        name="detection",
        title="Detection by simple rules",
        asks=ASKS,
        measured=[row_of_table(sample, made) for sample, _, made in found],
        figures=[_figure((sample, made) for sample, made, _ in found)],
        notes=NOTES,
        settings=dict(settings),
        seconds=time.perf_counter() - start,
        kept=[],
    )


def detect_all(rates: Rates, sample: Sample) -> list[Detected]:
    """Try rules on each latent drawn."""
    parts = zip(sample.train, sample.held_out, sample.rivals, strict=True)
    return [detect(rates, train, held_out=held_out, rivals=rows) for train, held_out, rows in parts]


_TRIED = "rule made on training documents, tried on held-out ones"
_PARTS = (
    ("whether", "windows", RULES, f"balanced accuracy over windows of 32 tokens; {_TRIED}"),
    ("near rivals", "rivals", RULES[1:], "the same, silent windows only where a near one fires"),
    ("its own tokens", "lexical", RULES[1:], "the same, silent windows only with its own tokens"),
    ("where F1", "f1", RULES, f"F1 over all tokens, at the true firing rate; {_TRIED}"),
    ("where AUC", "auc", RULES[1:], f"area under the ROC curve over all tokens; {_TRIED}"),
)
"""Name, field of `Detected`, the rules it holds, definition."""


def scores(found: list[Detected], *, began: float, seed: int = 0) -> list[Score]:
    """Return the scores of a table, from what was found of each latent."""
    taken = time.perf_counter() - began
    shared: dict[str, Any] = {"source": SOURCE, "seconds": taken, "seed": seed}
    made = []
    for name, part, rules, about in _PARTS:
        for i, rule in enumerate(rules):
            values = np.array([getattr(one, part)[i - len(rules)] for one in found], np.float64)
            made.append(over_latents(f"{name}, {rule}", values, definition=about, **shared))
    values = np.array([one.windows[-1] for one in found], np.float64)
    firings = np.array([one.firings for one in found], np.float64)
    about = f"{_PARTS[0][-1]}, each latent weighted by its held-out firings"
    name = f"whether, {RULES[-1]}, by firings"
    made.append(over_latents(name, values, weights=firings, definition=about, **shared))
    made.append(too_rare(np.isnan(values), **shared))
    return made


def row_of_table(sample: Sample, made: list[Score]) -> Measured:
    """Return the scores of a dictionary or a control as they stand in a table."""
    return Measured(
        name=sample.name,
        role=sample.role,
        about=sample.about,
        scores={score.name: score for score in made},
        n_latents=sample.n_latents,
    )


def _figure(found: Iterable[tuple[Sample, list[Detected]]]) -> Figure:
    """Draw how well each latent is told by its n-gram rule, from the worst to the best."""
    grid = np.linspace(0, 1, 21)
    curves = []
    for sample, made in found:
        values = np.array([one.f1[-1] for one in made if np.isfinite(one.f1[-1])])
        heights = np.quantile(values, grid) if len(values) else grid[:0]
        points = [Point(*pair) for pair in zip(grid.tolist(), heights.tolist(), strict=False)]
        curves.append(Curve(sample.name, sample.role, points))
    return Figure(
        "How well an n-gram rule tells each latent",
        Axis("share of latents, worst first"),
        Axis("F1 of the rule"),
        curves,
        "Where the frozen twin lies as high as the dictionary, that three tokens tell its latents"
        " says nothing for the directions learnt.",
    )
