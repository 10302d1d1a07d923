"""The scores of a table of explanations.

Axes: q latents.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from unmix.evaluation.score import Score
from unmix.evaluation.suite.detection.scoring import over_latents, too_rare
from unmix.evaluation.suite.explain.cases import Case
from unmix.evaluation.suite.explain.judging import Marks, marks_of
from unmix.evaluation.suite.explain.rows import Row

SOURCE = "Paulo et al. 2024 (detection, fuzzing); no document is both explained and judged"
_BALANCED = (
    "balanced accuracy: the mean of the shares of firing and of silent excerpts told rightly"
)
_ABOUT = {
    "detection": f"{_BALANCED}, half of the silent ones hard",
    "detection, random": f"{_BALANCED}, silent ones drawn at random alone",
    "detection, hard": f"{_BALANCED}, hard silent ones alone",
    "fuzzing": "the same for firing excerpts whose marks are right, and wrong",
}


def scores(row: Row, *, seed: int) -> list[Score]:
    """Return the scores of one way to foretell some cases."""
    cases = row.cases
    marks = [marks_of(case, said) for case, said in zip(cases, row.judged, strict=True)]
    shared: dict[str, Any] = {"source": SOURCE, "seconds": row.seconds, "seed": seed}
    columns = {
        "detection": [one.detection for one in marks],
        "detection, random": [one.random for one in marks],
        "detection, hard": [one.hard for one in marks],
        "fuzzing": [one.fuzzing for one in marks],
    }
    if not row.explanations:
        del columns["fuzzing"]
    made = [
        over_latents(name, np.array(values), definition=_ABOUT[name], better="higher", **shared)
        for name, values in columns.items()
    ]
    firings = np.array([case.firings for case in cases], np.float64)
    heavy: dict[str, Any] = {"weights": firings, "better": "higher"} | shared
    about = f"{_ABOUT['detection']}, each latent weighted by its held-out firings"
    values = np.array(columns["detection"])
    made.append(over_latents("detection, by firings", values, definition=about, **heavy))
    made.append(_precision(cases, marks, shared))
    if row.explanations:
        unread = np.array([one.unread for one in marks])
        about = "share of verdicts that could not be read, and are in no score"
        made.append(over_latents("unread", unread, definition=about, better="lower", **shared))
    rare = np.repeat([False, True], [len(cases), len(row.sample.latents) - len(cases)])
    made.append(too_rare(rare, **shared))
    return made


def _precision(cases: Sequence[Case], marks: Sequence[Marks], shared: dict[str, Any]) -> Score:
    """Return the precision over windows as they occur, where firing ones are few."""
    share = np.array([case.share for case in cases], np.float64)
    found = share * np.array([one.found for one in marks])
    alarms = (1 - share) * np.array([one.alarms for one in marks])
    said = found + alarms
    with np.errstate(invalid="ignore", divide="ignore"):
        values = found / said
    about = (
        "share of windows said to fire that do, were firing windows as rare as in the text:"
        " each latent weighted by how many windows are said to fire"
    )
    weights = np.nan_to_num(said)
    return over_latents(
        "precision", values, weights=weights, definition=about, better="higher", **shared
    )
