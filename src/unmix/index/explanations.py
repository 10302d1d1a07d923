"""What others said about latents: `RUN/explanations.jsonl`, one object a line.

    {"latent": 412, "text": "names of months", "by": "a model", "scores": {"detection": 0.91}}

`by` and `scores` may be left out; a run of several dictionaries adds `dictionary`, its name.
"""

import json
from math import isfinite
from typing import NamedTuple

from unmix.errors import UserError
from unmix.index.lines import refusal
from unmix.index.read import Index

FILE = "explanations.jsonl"


class Explanation(NamedTuple):
    """What a language model, or a person elsewhere, said about a latent."""

    text: str
    by: str
    scores: dict[str, float]


def read_explanations(index: Index) -> dict[int, list[Explanation]]:
    """Read the explanations of every latent that has any.

    Raises:
        UserError: A line is not an explanation of a latent of this dictionary.
    """
    path = index.run / FILE
    made: dict[int, list[Explanation]] = {}
    if not path.is_file():
        return made
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"`{path}` cannot be read ({error}); write it anew in UTF-8") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            _add(made, line, index, where=f"line {number} of `{path}`")
    return made


def _add(made: dict[int, list[Explanation]], line: str, index: Index, *, where: str) -> None:
    try:
        data = json.loads(line)
        latent = index.checked(int(data["latent"]))
        scores = {str(name): _score(value) for name, value in data.get("scores", {}).items()}
        one = Explanation(str(data["text"]), str(data.get("by", "")), scores)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise refusal(f"{where} is no explanation", error) from error
    if data.get("dictionary", index.name) == index.name:
        made.setdefault(latent, []).append(one)


def _score(value: object) -> float:
    score = float(str(value))
    if not isfinite(score):
        raise ValueError("a score is no number")
    return score
