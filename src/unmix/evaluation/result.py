"""What an evaluation found: every number of every dictionary and control of a run.

`evaluation.json` in the run folder is this, with a schema number, what was measured and on what.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from unmix.disk import read_json, write_json
from unmix.errors import UserError
from unmix.evaluation.candidates import Role
from unmix.evaluation.density import DensityHistogram
from unmix.evaluation.heldout import Counted
from unmix.evaluation.score import Score

SCHEMA = 1
FILE = "evaluation.json"


@final
@dataclass(frozen=True, kw_only=True)
class Measured:
    """One dictionary or control, and its scores."""

    name: str
    role: Role
    about: str
    """One sentence on what it is."""
    scores: dict[str, Score]
    """Scores by name, in the order of the table."""
    density: DensityHistogram | None = None
    """How often its latents fire; None without latents."""
    n_latents: int | None = None
    fingerprint: str = ""
    """Of the dictionary's files; empty for a control without any."""

    def value(self, name: str) -> float | None:
        """Return a score's value, or None where it was not measured or is not defined."""
        return self.scores[name].value if name in self.scores else None


@final
@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Everything measured on one run."""

    run: str
    """Name of the run folder."""
    model: str
    site: str
    target: str
    measured: list[Measured]
    """Dictionaries first, then controls, from the hardest to beat to the easiest."""
    original: Score | None
    """Cross-entropy of the unchanged model; None where it has no logits."""
    counted: Counted
    """Held-out tokens, and which were left out."""
    positions: int
    """Next-token predictions behind the cross-entropies."""
    notes: list[str]
    """What a reader must know beside the numbers."""
    provenance: dict[str, Any]
    """Fingerprints, versions, settings, date."""
    seconds: float
    """Time the whole evaluation took."""

    @property
    def dictionaries(self) -> list[Measured]:
        """The dictionaries of the run."""
        return [m for m in self.measured if m.role == "dictionary"]

    @property
    def controls(self) -> list[Measured]:
        """What stands beside them."""
        return [m for m in self.measured if m.role != "dictionary"]

    def named(self, name: str) -> Measured:
        """Return the dictionary or control of that name."""
        for one in self.measured:
            if one.name == name:
                return one
        known = ", ".join(f"`{one.name}`" for one in self.measured)
        raise UserError(f"`{name}` was not measured; there are {known}")


def write(evaluation: Evaluation, run: Path) -> Path:
    """Write `evaluation.json` into a run folder."""
    data = {
        "schema": SCHEMA,
        **vars(evaluation),
        "original": evaluation.original and evaluation.original.to_json(),
        "counted": evaluation.counted._asdict(),
        "measured": [to_json(one) for one in evaluation.measured],
    }
    write_json(run / FILE, data)
    return run / FILE


def read(run: Path) -> Evaluation:
    """Read the evaluation of a run folder.

    Raises:
        UserError: There is none, or it is of another schema.
    """
    data = read_json(run / FILE)
    found = data.pop("schema", None)
    if found != SCHEMA:
        raise UserError(
            f"`{run / FILE}` has schema {found}, this version reads {SCHEMA}; "
            "evaluate the run again"
        )
    try:
        return _from_json(data)
    except (KeyError, TypeError) as error:
        raise UserError(f"`{run / FILE}` is damaged ({error}); evaluate the run again") from error


def _from_json(data: dict[str, Any]) -> Evaluation:
    original = data["original"] and Score.from_json(data["original"])
    measured = [from_json(one) for one in data["measured"]]
    counted = Counted(**data["counted"])
    whole: dict[str, Any] = data | {"original": original, "measured": measured, "counted": counted}
    return Evaluation(**whole)


def to_json(one: Measured) -> dict[str, Any]:
    """Return a form `json.dump` takes."""
    return {
        **vars(one),
        "scores": [score.to_json() for score in one.scores.values()],
        "density": one.density and one.density._asdict(),
    }


def from_json(data: Mapping[str, Any]) -> Measured:
    """Return what `to_json` was called on."""
    scores = [Score.from_json(score) for score in data["scores"]]
    density = data["density"] and DensityHistogram(**data["density"])
    parts: dict[str, Any] = {**data, "scores": {s.name: s for s in scores}, "density": density}
    return Measured(**parts)
