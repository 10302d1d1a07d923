"""One latent as a case: the excerpts it is explained by, and those it is judged on.

Axes: t windows tested, u windows whose marks are tested.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from unmix.evaluation.suite.detection.rates import Rates
from unmix.evaluation.suite.detection.rules import FEW, rows_of_common, whether
from unmix.evaluation.suite.detection.sample import ENOUGH, Sample
from unmix.evaluation.suite.explain.examples import (
    FIRING,
    Tested,
    excerpt,
    largest,
    marks,
    taught,
    tested,
    wrong_marks,
)
from unmix.text.spelling import Tokenizer

STRENGTHS = 10
"""Steps in which the size of an act is told."""


class Case(NamedTuple):
    """A latent, what is shown of it, and what is asked."""

    latent: int
    firings: int
    """On held-out tokens."""
    share: float
    """Share of the held-out windows in which it fires."""
    taught: list[str]
    """Training excerpts, its tokens marked."""
    strengths: list[int]
    tested: Tested
    plain: list[str]
    """Held-out excerpts without marks, one for each window tested."""
    marked: list[str]
    """Firing excerpts, half of them, drawn at random, with marks in the wrong places."""
    is_right: Bool[np.ndarray, " u"]
    rules: Bool[np.ndarray, "r t"]
    """What each rule of `RULES` says of the windows tested."""


def cases(
    sample: Sample, rates: Rates, *, tokenizer: Tokenizer, shown: int, asked: int, seed: int
) -> list[Case]:
    """Return the case of each latent drawn that fires often enough to be judged."""
    made = (
        _case(sample, rates, i, tokenizer=tokenizer, shown=shown, asked=asked, seed=seed)
        for i in range(len(sample.latents))
    )
    return [case for case in made if case is not None]


def _case(
    sample: Sample, rates: Rates, i: int, *, tokenizer: Tokenizer, shown: int, asked: int, seed: int
) -> Case | None:
    train, held_out = sample.train[i], sample.held_out[i]
    text, latent = sample.text.held_out, int(sample.latents[i])
    fires = text.within(held_out.rows) & text.is_long
    lessons = taught(sample.text.train, train, count=shown)
    if len(train.rows) < ENOUGH or fires.sum() < FEW or not len(lessons):
        return None
    hard = text.within(sample.rivals[i]) | text.within(rows_of_common(rates, train.rows))
    trial = tested(text, held_out, hard=hard, count=asked, seed=seed + latent)
    said = np.stack(whether(rates, train, rated=rates.of(train.rows)))[:, trial.windows]
    acts = largest(sample.text.train, train)[lessons]
    marked, is_right = _marked(sample, i, trial, tokenizer=tokenizer, seed=seed)
    return Case(
        latent=latent,
        firings=len(held_out.rows),
        share=float(fires.sum() / text.is_long.sum()),
        taught=_excerpts(sample, i, lessons, tokenizer),
        strengths=np.ceil(STRENGTHS * acts / acts.max()).astype(int).tolist(),
        tested=trial,
        plain=[excerpt(text, w, marks=None, tokenizer=tokenizer) for w in trial.windows.tolist()],
        marked=marked,
        is_right=is_right,
        rules=said,
    )


def _excerpts(
    sample: Sample, i: int, windows: Int[np.ndarray, " _"], tokenizer: Tokenizer
) -> list[str]:
    text, fired = sample.text.train, sample.train[i]
    return [
        excerpt(text, w, marks=marks(text, fired, window=w), tokenizer=tokenizer)
        for w in windows.tolist()
    ]


def _marked(
    sample: Sample, i: int, trial: Tested, *, tokenizer: Tokenizer, seed: int
) -> tuple[list[str], Bool[np.ndarray, " u"]]:
    """Return the firing excerpts with marks, half of them with marks in the wrong places."""
    text, fired = sample.text.held_out, sample.held_out[i]
    firing = trial.windows[trial.kinds == FIRING]
    drawn = np.random.default_rng([seed, i]).permutation(len(firing)) % 2 == 0
    made, is_right = [], []
    for window, right in zip(firing.tolist(), drawn.tolist(), strict=True):
        true = marks(text, fired, window=window)
        right = right or bool(true.all())
        shown = true if right else wrong_marks(true, seed=[seed, window])
        made.append(excerpt(text, window, marks=shown, tokenizer=tokenizer))
        is_right.append(right)
    return made, np.array(is_right, np.bool_)
