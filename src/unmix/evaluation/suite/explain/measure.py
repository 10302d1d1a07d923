"""Explanations by a language model, scored by what they let a reader foretell."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from unmix.disk import write_text
from unmix.evaluation.result import Measured
from unmix.evaluation.suite.detection.rates import Rates
from unmix.evaluation.suite.detection.rules import RULES
from unmix.evaluation.suite.detection.sample import SHUFFLED, TOKENS, drawing, samples
from unmix.evaluation.suite.explain.address import address, key
from unmix.evaluation.suite.explain.answers import Answers
from unmix.evaluation.suite.explain.client import Client
from unmix.evaluation.suite.explain.judging import by_rule, marks_of
from unmix.evaluation.suite.explain.rows import Row, rows_of, whole
from unmix.evaluation.suite.explain.scores import scores
from unmix.evaluation.suite.explain.written import FILE as EXPLANATIONS
from unmix.evaluation.suite.explain.written import Written, merge
from unmix.evaluation.suite.finding import Axis, Curve, Figure, Finding, Point
from unmix.evaluation.suite.metric import Size
from unmix.evaluation.suite.subject import Subject

ASKS = "Do a language model's explanations let a reader foretell where a latent fires?"
UNREAD = 0.1
"""Share of verdicts that could not be read above which the reader is warned."""
ANSWERS, SCORES = "suite/explain/answers.jsonl", "suite/explain/scores.jsonl"
NOTES = [
    "look at what a dictionary has above the frozen twin, above another latent's explanation, and"
    " above rules that no language model wrote: all are judged on the same kind of excerpts",
    "random weights give explanations nearly as good as trained ones (Heap et al. 2025)",
]


def settings(size: Size) -> Mapping[str, object]:
    """Return how many latents are explained, and how many excerpts are shown and asked about."""
    few = {"latents": 20, "shown": 16, "asked": 10}
    many = {"latents": 100, "shown": 20, "asked": 20}
    return {**(few if size == "quick" else many), **TOKENS[size], "seed": 0}


def applies(subject: Subject) -> str:
    """Say that a language model is needed where none is named."""
    if not subject.options.get("explain"):
        return (
            "explanations need a language model: `--explainer URL --explainer-model NAME`,"
            " any OpenAI-compatible address"
        )
    return ""


def measure(subject: Subject, settings: Mapping[str, object]) -> Finding:
    """Explain latents of every dictionary and control of a run, and judge the explanations."""
    start = time.perf_counter()
    where = address(settings)
    client = Client(where, key=key())
    answers = Answers(subject.run / ANSWERS, client, report=subject.report)
    rows = list(_rows(subject, answers, settings))
    write_text(subject.run / SCORES, "".join(_lines(rows)))
    _write_down(subject, rows, by=where.model)
    notes = [*NOTES, f"explained and judged by `{where.model}` at `{where.url}`", *_warning(rows)]
    return Finding(
        name="explain",
        title="Explanations by a language model",
        asks=ASKS,
        measured=[_measured(row, seed=whole(settings, "seed")) for row in rows],
        figures=[_figure(rows)],
        notes=notes,
        settings=dict(settings),
        seconds=time.perf_counter() - start,
        kept=[ANSWERS, SCORES, EXPLANATIONS],
    )


def _rows(subject: Subject, answers: Answers, settings: Mapping[str, object]) -> Iterator[Row]:
    rates = None
    for sample in samples(subject, drawing(settings)):
        if sample.name == SHUFFLED:
            continue
        if rates is None or rates.train is not sample.text.train:
            rates = Rates(*sample.text)
        given = {"answers": answers, "tokenizer": subject.tokenizer, "settings": settings}
        for row in rows_of(sample, rates, **given):
            is_shared = row.role == "baseline" and len(subject.dictionaries) > 1
            yield row._replace(name=f"{row.name}, {sample.name}") if is_shared else row


def _warning(rows: Sequence[Row]) -> list[str]:
    """Say that the judge's answers are of no use, where they are not."""
    verdicts = [one.detected for row in rows if row.explanations for one in row.judged]
    unread = float(np.isnan(np.concatenate(verdicts)).mean()) if verdicts else 0.0
    if unread <= UNREAD:
        return []
    return [
        f"{unread:.0%} of the verdicts could not be read: the scores are of the rest;"
        " a model that keeps to the form asked for is needed"
    ]


def _measured(row: Row, *, seed: int) -> Measured:
    made = scores(row, seed=seed)
    return Measured(
        name=row.name,
        role=row.role,
        about=row.about,
        scores={score.name: score for score in made},
        n_latents=row.sample.n_latents,
    )


def _figure(rows: Sequence[Row]) -> Figure:
    """Draw each latent's detection by its explanation against that by a rule."""
    curves = []
    for row in rows:
        if not row.explanations or row.role == "baseline":
            continue
        points = []
        for case, judged in zip(row.cases, row.judged, strict=True):
            x = marks_of(case, by_rule(case, RULES[-1])).detection
            y = marks_of(case, judged).detection
            if np.isfinite(x) and np.isfinite(y):
                points.append(Point(x, y))
        curves.append(Curve(row.name, row.role, points, is_joined=False))
    equal = Curve("equal", "baseline", [Point(0.0, 0.0), Point(1.0, 1.0)])
    return Figure(
        "An explanation against an n-gram rule, by latent",
        Axis("detection by the rule"),
        Axis("detection by the explanation"),
        [*curves, equal],
        "Under the line, three tokens tell more of a latent than its sentence does; with so few"
        " excerpts a latent, single points are rough.",
    )


def _lines(rows: Sequence[Row]) -> Iterator[str]:
    """Give the scores of each latent as a line of JSON."""
    for row in rows:
        texts = row.explanations or [""] * len(row.cases)
        for case, judged, text in zip(row.cases, row.judged, texts, strict=True):
            marks = {k: v for k, v in marks_of(case, judged)._asdict().items() if np.isfinite(v)}
            data = {"row": row.name, "latent": case.latent, "explanation": text, **marks}
            yield json.dumps(data, ensure_ascii=False) + "\n"


def _write_down(subject: Subject, rows: Sequence[Row], *, by: str) -> None:
    """Put the explanations of the trained dictionaries where the explorer finds them."""
    is_one = len(subject.dictionaries) == 1
    made = []
    for row in rows:
        if row.role != "dictionary":
            continue
        for case, judged, text in zip(row.cases, row.judged, row.explanations, strict=True):
            marks = marks_of(case, judged)
            named = {"detection": marks.detection, "fuzzing": marks.fuzzing}
            if text:
                made.append(Written("" if is_one else row.name, case.latent, text, by, named))
    merge(subject.run / EXPLANATIONS, made)
