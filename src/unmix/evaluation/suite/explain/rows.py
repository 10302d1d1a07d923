"""The rows of the table: ways to foretell the cases of one dictionary.

The latents of the trained dictionary are judged four times, on the same excerpts: by their
explanations, by those of other latents, and by two rules that no language model wrote.
"""

import time
from collections.abc import Mapping
from typing import NamedTuple

from unmix.evaluation.candidates import Role
from unmix.evaluation.suite.detection.rates import Rates
from unmix.evaluation.suite.detection.rules import RULES
from unmix.evaluation.suite.detection.sample import Sample
from unmix.evaluation.suite.explain.answers import Answers
from unmix.evaluation.suite.explain.cases import Case, cases
from unmix.evaluation.suite.explain.judging import Judged, by_rule, explain, judge
from unmix.text.spelling import Tokenizer

ANOTHER = "another's"


class Row(NamedTuple):
    """One way to foretell some cases."""

    name: str
    role: Role
    about: str
    sample: Sample
    cases: list[Case]
    explanations: list[str]
    """Empty for a rule."""
    judged: list[Judged]
    seconds: float


def rows_of(
    sample: Sample,
    rates: Rates,
    *,
    answers: Answers,
    tokenizer: Tokenizer,
    settings: Mapping[str, object],
) -> list[Row]:
    """Explain and judge the latents of a dictionary; those of a trained one with its baselines."""
    start = time.perf_counter()
    numbers = {name: whole(settings, name) for name in ("shown", "asked", "seed")}
    made = cases(sample, rates, tokenizer=tokenizer, **numbers)
    said = explain(answers, made, name=sample.name)
    judged = judge(answers, made, explanations=said, name=sample.name)
    taken = time.perf_counter() - start
    first = Row(sample.name, sample.role, sample.about, sample, made, said, judged, taken)
    if sample.role != "dictionary":
        return [first]
    return [first, _by_others(first, answers), *(_by_rule(first, rule) for rule in RULES[1:])]


def whole(settings: Mapping[str, object], name: str) -> int:
    """Return a setting that is a whole number."""
    return int(str(settings[name]))


def _by_others(row: Row, answers: Answers) -> Row:
    """Judge each latent by the explanation of the next one."""
    start = time.perf_counter()
    said = row.explanations[1:] + row.explanations[:1]
    judged = judge(answers, row.cases, explanations=said, name=f"{row.name}, {ANOTHER}")
    about = f"each latent of `{row.name}` judged by the explanation of another one"
    taken = time.perf_counter() - start
    return Row(ANOTHER, "baseline", about, row.sample, row.cases, said, judged, taken)


def _by_rule(row: Row, rule: str) -> Row:
    """Judge each latent by a rule."""
    start = time.perf_counter()
    judged = [by_rule(case, rule) for case in row.cases]
    about = f"the excerpts of `{row.name}` judged by a rule (`detection`), no language model asked"
    taken = time.perf_counter() - start
    return Row(f"{rule} rule", "baseline", about, row.sample, row.cases, [], judged, taken)
