"""`RUN/explanations.jsonl`: what the explorer shows beside a latent.

    {"latent": 412, "text": "names of months", "by": "a model", "scores": {"detection": 0.91}}

`dictionary` names the dictionary where a run has several.  Lines by other authors, about other
latents, or that we cannot read stay as they are.
"""

import json
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import NamedTuple

from unmix.disk import write_text

FILE = "explanations.jsonl"


class Written(NamedTuple):
    """An explanation with its scores."""

    dictionary: str
    """Its name; empty in a run of one."""
    latent: int
    text: str
    by: str
    scores: dict[str, float]


def merge(path: Path, new: Sequence[Written]) -> None:
    """Put explanations into a file, in the place of older ones of the same latent and author."""
    taken = {(one.dictionary, one.latent, one.by) for one in new}
    old = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    kept = [line for line in old if line.strip() and _whose(line) not in taken]
    write_text(path, "".join(line + "\n" for line in [*kept, *(_line(one) for one in new)]))


def _whose(line: str) -> tuple[str, int, str] | None:
    try:
        data = json.loads(line)
        return str(data.get("dictionary", "")), int(data["latent"]), str(data.get("by", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _line(one: Written) -> str:
    scores = {name: round(value, 4) for name, value in one.scores.items() if isfinite(value)}
    data = one._asdict() | {"scores": scores}
    if not one.dictionary:
        del data["dictionary"]
    return json.dumps(data, ensure_ascii=False)
