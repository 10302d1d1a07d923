"""Tables and figures of absorbed first letters: means over letters, intervals over words.

Axes: n test words, r words of a letter the probe is right about.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from unmix.evaluation.candidates import Role
from unmix.evaluation.result import Measured
from unmix.evaluation.score import Better, DocumentSums, Metric, Score, Sums, score
from unmix.evaluation.suite.absorption.judging import Verdict
from unmix.evaluation.suite.absorption.letters import LETTERS, TEMPLATE
from unmix.evaluation.suite.absorption.probes import Few
from unmix.evaluation.suite.finding import Axis, Curve, Figure, Point

ASKS = "Do latents for a first letter fire wherever the model knows it, or have others absorbed it?"
SOURCE = "Chanin et al. 2024 (arXiv 2409.14507); thresholds of SAEBench 0.6.0"
_OVER = "mean over letters, interval by resampling words"
_RIGHT = "of the test words whose letter the probe names"

KINDS: dict[str, tuple[str, Better]] = {
    "full absorption": (
        f"share {_RIGHT}, on which no latent of the letter fires and another one (cosine to the "
        "probe over .025) is worth at least .4 of the word along the probe",
        "lower",
    ),
    "absorption fraction": (
        f"mean, {_RIGHT}, of what up to 3 other latents (cosine over .1) carry over what they and "
        "the letter's own carry; 0 where they are worth less than .4 of the word, or the letter's "
        "own carry all of it",
        "lower",
    ),
    "own latents silent": (f"share {_RIGHT}, on which no latent of the letter fires", "lower"),
}
F1 = "F1 of the letter"


class Letter(NamedTuple):
    """What one dictionary does with one letter."""

    letter: int
    few: Few
    rows: Int[np.ndarray, " r"]
    """Test words of the letter that the probe is right about."""
    verdict: Verdict


class Row(NamedTuple):
    """One dictionary or control."""

    name: str
    role: Role
    about: str
    n_latents: int
    found: list[Letter]
    seconds: float


def notes(letters: Sequence[int]) -> list[str]:
    """Say what a reader must know."""
    named = "".join(LETTERS[letter] for letter in letters).upper()
    return [
        f"prompt: a list of lines “{TEMPLATE} X”, each word read where it stands; intervals by"
        " resampling words",
        f"letters whose probe has F1 of .6 or more on test words are measured: {named}",
        "a letter that no latent tells is silent everywhere: compare with random latents, and read"
        " F1 first",
    ]


def of_latents(row: Row, letters: Int[np.ndarray, " n"]) -> Measured:
    """Return the scores of a dictionary or a control."""
    known = [one.letter for one in row.found]
    columns: dict[str, Tensor] = {}
    for one in row.found:
        right = np.zeros(len(letters))
        right[one.rows] = 1
        columns[f"right {one.letter}"] = torch.from_numpy(right)
        verdict = one.verdict
        values = (verdict.is_absorbed, verdict.fraction, verdict.is_silent)
        for kind, value in zip(KINDS, values, strict=True):
            spread = np.zeros(len(letters))
            spread[one.rows] = value
            columns[f"{kind} {one.letter}"] = torch.from_numpy(spread)
        columns |= _hits(one.few.said[one.few.n_main - 1], letters == one.letter, one.letter)
    metrics = [_mean(kind, known) for kind in KINDS]
    scores = _scored([*metrics, _f1(known)], columns, n=len(letters), seconds=row.seconds)
    scores.append(_splits(row))
    return Measured(
        name=row.name,
        role=row.role,
        about=row.about,
        scores={one.name: one for one in scores},
        n_latents=row.n_latents,
    )


def of_probe(
    named: Int[np.ndarray, " n"],
    letters: Int[np.ndarray, " n"],
    known: Sequence[int],
    *,
    seconds: float,
) -> Measured:
    """Return how well the probe on the whole activation tells the letters."""
    columns: dict[str, Tensor] = {}
    for letter in known:
        columns |= _hits(named == letter, letters == letter, letter)
    scores = _scored([_f1(known)], columns, n=len(letters), seconds=seconds)
    about = "a logistic regression on the whole activation: what there is to be known"
    return Measured(
        name="probe", role="baseline", about=about, scores={one.name: one for one in scores}
    )


def _hits(said: np.ndarray, there: np.ndarray, letter: int) -> dict[str, Tensor]:
    parts = {"hits": said & there, "said": said, "there": there}
    return {f"{name} {letter}": torch.from_numpy(part) for name, part in parts.items()}


def _scored(
    metrics: Sequence[Metric], columns: Mapping[str, Tensor], *, n: int, seconds: float
) -> list[Score]:
    sums = DocumentSums(list(columns))
    sums.add(torch.arange(n), columns)
    return score(metrics, sums, n=n, seconds=seconds)


def _mean(kind: str, known: Sequence[int]) -> Metric:
    """Return a mean over letters of a mean over words."""
    definition, better = KINDS[kind]

    def formula(sums: Sums) -> Tensor:
        each = [sums[f"{kind} {letter}"] / sums[f"right {letter}"] for letter in known]
        return torch.stack(each).nanmean(0)

    return Metric(
        name=kind,
        unit="",
        better=better,
        definition=f"{definition}; {_OVER}",
        source=SOURCE,
        formula=formula,
    )


def _f1(known: Sequence[int]) -> Metric:
    def formula(sums: Sums) -> Tensor:
        each = [
            2 * sums[f"hits {letter}"] / (sums[f"said {letter}"] + sums[f"there {letter}"])
            for letter in known
        ]
        return torch.stack(each).nanmean(0)

    return Metric(
        name=F1,
        unit="",
        better="higher",
        definition="F1, on test words, of a logistic regression on the letter's own latents, cut "
        f"where F1 is best on training words; {_OVER}",
        source=SOURCE,
        formula=formula,
    )


def _splits(row: Row) -> Score:
    return Score(
        name="latents a letter",
        value=float(np.mean([one.few.n_main for one in row.found])),
        low=None,
        high=None,
        n=len(row.found),
        unit="",
        better="neither",
        definition="latents that are a letter's own: the first, and each further one that raises "
        "F1 on training words by .03; mean over letters",
        source=SOURCE,
        seconds=row.seconds,
    )


def by_count(
    rows: Sequence[Row], letters: Int[np.ndarray, " n"], named: Int[np.ndarray, " n"]
) -> Figure:
    """Draw how well a letter is told by its first few latents."""
    curves = []
    for row in rows:
        if row.name == "dealt directions":  # its acts are the dictionary's
            continue
        width = min(len(one.few.said) for one in row.found)
        points = []
        for k in range(width):
            each = [_plain_f1(one.few.said[k], letters == one.letter) for one in row.found]
            points.append(Point(k + 1, float(np.mean(each))))
        curves.append(Curve(row.name, row.role, points))
    each = [_plain_f1(named == one.letter, letters == one.letter) for one in rows[0].found]
    value = float(np.mean(each))
    width = max(len(curve.points) for curve in curves)
    curves.append(Curve("probe", "baseline", [Point(1, value), Point(width, value)]))
    return Figure(
        "First letters by a few latents",
        Axis("latents read"),
        Axis("F1 on test words, mean over letters"),
        curves,
        "What one latent gives is a letter latent; what further ones add is splitting, or words"
        " that others have absorbed.",
    )


def by_letter(rows: Sequence[Row]) -> Figure:
    """Draw the letters in the order of how much of them was absorbed, whole or in part."""
    curves = []
    for row in rows:
        if row.name == "random latents":  # its letters have no latents: nearly all of it
            continue
        rates = [one.verdict.fraction.mean() for one in row.found if len(one.rows)]
        points = [Point(i + 1, float(rate)) for i, rate in enumerate(sorted(rates, reverse=True))]
        curves.append(Curve(row.name, row.role, points))
    return Figure(
        "Absorption fraction by letter",
        Axis("letters, the most absorbed first"),
        Axis("absorption fraction"),
        curves,
        "Each line has its own order of letters, and a letter has some dozens of words; dealt"
        " directions show what chance gives.",
    )


def _plain_f1(said: np.ndarray, there: np.ndarray) -> float:
    return float(2 * (said & there).sum() / max(said.sum() + there.sum(), 1))
