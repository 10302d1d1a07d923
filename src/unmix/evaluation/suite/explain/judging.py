"""How well an explanation lets a reader foretell a latent, on excerpts that it was not made from.

    detection = (share of firing excerpts found + share of silent ones left alone) / 2
    fuzzing   = the same for excerpts whose marks are right, and wrong

Axes: t windows tested, u windows whose marks are tested.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from unmix.evaluation.suite.detection.rules import RULES
from unmix.evaluation.suite.explain.answers import Answers, Question
from unmix.evaluation.suite.explain.cases import Case
from unmix.evaluation.suite.explain.client import Messages
from unmix.evaluation.suite.explain.examples import FIRING, HARD, SILENT
from unmix.evaluation.suite.explain.prompts import (
    for_detection,
    for_explanation,
    for_fuzzing,
    read_explanation,
    read_verdicts,
)

TOGETHER = 5
"""Excerpts of one question (Paulo et al. 2024)."""


class Judged(NamedTuple):
    """What was said of a case: 1 for yes, 0 for no, NaN where the answer could not be read."""

    detected: Float[np.ndarray, " t"]
    fuzzed: Float[np.ndarray, " u"]


class Marks(NamedTuple):
    """The scores of one case; NaN where nothing can be said."""

    detection: float
    random: float
    """Detection against silent excerpts drawn at random alone."""
    hard: float
    """Detection against hard ones alone."""
    fuzzing: float
    found: float
    """Share of firing excerpts found."""
    alarms: float
    """Share of silent excerpts, drawn at random, that are taken for firing."""
    unread: float
    """Share of excerpts whose verdict could not be read."""


def explain(answers: Answers, cases: Sequence[Case], *, name: str) -> list[str]:
    """Ask for an explanation of each case."""
    questions = [
        Question("explanation", name, case.latent, for_explanation(case.taught, case.strengths))
        for case in cases
    ]
    said = answers.ask(questions, about=f"explaining latents of {name}")
    return [read_explanation(one) for one in said]


def judge(
    answers: Answers, cases: Sequence[Case], *, explanations: Sequence[str], name: str
) -> list[Judged]:
    """Ask what each explanation foretells of its case."""
    pairs = list(zip(cases, explanations, strict=True))
    found = []
    for purpose, ask in (("detection", for_detection), ("fuzzing", for_fuzzing)):
        parts = [_questions(purpose, ask, *pair, name=name) for pair in pairs]
        flat = [question for part in parts for question in part]
        said = iter(answers.ask(flat, about=f"{purpose} for {name}"))
        found.append([[next(said) for _ in part] for part in parts])
    return [
        Judged(_verdicts(seen, len(case.plain)), _verdicts(marked, len(case.marked)))
        for case, seen, marked in zip(cases, *found, strict=True)
    ]


def by_rule(case: Case, rule: str) -> Judged:
    """Return what a rule says of a case; rules do not judge marks."""
    said = case.rules[RULES.index(rule)].astype(np.float64)
    return Judged(said, np.full(len(case.marked), np.nan))


def marks_of(case: Case, judged: Judged) -> Marks:
    """Score what was said of a case."""
    kinds, said = case.tested.kinds, judged.detected
    found = _mean(said[kinds == FIRING])
    alarms = [_mean(said[np.isin(kinds, which)]) for which in ((SILENT, HARD), SILENT, HARD)]
    right = judged.fuzzed[case.is_right]
    wrong = judged.fuzzed[~case.is_right]
    return Marks(
        *((found + 1 - share) / 2 for share in alarms),
        fuzzing=(_mean(right) + 1 - _mean(wrong)) / 2,
        found=found,
        alarms=alarms[1],
        unread=float(np.isnan(said).mean()),
    )


def _questions(
    purpose: str,
    ask: Callable[[str, Sequence[str]], Messages],
    case: Case,
    explanation: str,
    *,
    name: str,
) -> list[Question]:
    """Return the questions about one case; none where there is no explanation."""
    excerpts = case.plain if purpose == "detection" else case.marked
    if not explanation:
        return []
    return [
        Question(purpose, name, case.latent, ask(explanation, excerpts[i : i + TOGETHER]))
        for i in range(0, len(excerpts), TOGETHER)
    ]


def _verdicts(said: Sequence[str], count: int) -> Float[np.ndarray, " _"]:
    """Return the verdict on each excerpt."""
    made = np.full(count, np.nan)
    for number, answer in enumerate(said):
        part = slice(number * TOGETHER, min((number + 1) * TOGETHER, count))
        verdicts = read_verdicts(answer, count=part.stop - part.start)
        if verdicts is not None:
            made[part] = verdicts
    return made


def _mean(values: Float[np.ndarray, " _"]) -> float:
    """Return the mean of the verdicts that could be read."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
