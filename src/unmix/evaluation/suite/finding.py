"""What a metric of the suite found: numbers beside their controls, figures, and notes.

RUN/suite/NAME.json is this under a key of all that it depends on, so nothing stale is ever shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple, final

from unmix.disk import read_json, write_json
from unmix.errors import UserError
from unmix.evaluation.candidates import Role
from unmix.evaluation.result import Measured, from_json, to_json

SCHEMA = 1
FOLDER = "suite"
"""Where a run keeps its findings."""


class Axis(NamedTuple):
    """What a figure shows along one side."""

    name: str
    unit: str = ""
    is_log: bool = False


class Point(NamedTuple):
    """A point of a figure, with its interval if it has one."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


class Curve(NamedTuple):
    """Points of one thing measured, in the order in which they are joined."""

    name: str
    role: Role
    points: list[Point]
    is_joined: bool = True


class Figure(NamedTuple):
    """A plot: what it shows, and how it misleads."""

    title: str
    x: Axis
    y: Axis
    curves: list[Curve]
    about: str = ""
    """One sentence: what to see in it, and how it misleads."""


@final
@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one metric found on a run."""

    name: str
    """The metric, and the name of the file."""
    title: str
    asks: str
    """The question it answers, in one sentence."""
    measured: list[Measured]
    """Dictionaries first, then baselines and controls."""
    figures: list[Figure]
    notes: list[str]
    """What a reader must know beside the numbers."""
    settings: dict[str, Any]
    """All that decides the numbers: sizes, seeds, data sets."""
    seconds: float
    """Time it took."""
    kept: list[str]
    """Files beside it, relative to the run folder."""


def write(finding: Finding, run: Path, *, key: str) -> Path:
    """Write a finding into a run folder, under the key of what it depends on."""
    path = run / FOLDER / f"{finding.name}.json"
    measured = [to_json(one) for one in finding.measured]
    figures = [_figure_to_json(figure) for figure in finding.figures]
    about = {"schema": SCHEMA, "key": key}
    write_json(path, about | vars(finding) | {"measured": measured, "figures": figures})
    return path


class Kept(NamedTuple):
    """A finding on disk, and the key of what it depends on."""

    finding: Finding
    key: str


def read(run: Path, name: str) -> Kept | None:
    """Read a finding, or nothing where there is none, or another version wrote it.

    Raises:
        UserError: It is damaged.
    """
    path = run / FOLDER / f"{name}.json"
    if not path.is_file():
        return None
    data = read_json(path)
    if data.pop("schema", None) != SCHEMA:
        return None
    try:
        return Kept(finding=_from_json(data), key=str(data["key"]))
    except (KeyError, TypeError) as error:
        raise UserError(f"`{path}` is damaged ({error}); delete it and evaluate again") from error


def _from_json(data: Mapping[str, Any]) -> Finding:
    measured = [from_json(one) for one in data["measured"]]
    figures = [_figure_from_json(one) for one in data["figures"]]
    whole: dict[str, Any] = {**data, "measured": measured, "figures": figures}
    return Finding(**{field.name: whole[field.name] for field in fields(Finding)})


def _figure_to_json(figure: Figure) -> dict[str, Any]:
    curves = [
        curve._asdict() | {"points": [list(point) for point in curve.points]}
        for curve in figure.curves
    ]
    return figure._asdict() | {
        "x": figure.x._asdict(),
        "y": figure.y._asdict(),
        "curves": curves,
    }


def _figure_from_json(data: Mapping[str, Any]) -> Figure:
    curves = [
        Curve(one["name"], one["role"], [Point(*p) for p in one["points"]], one["is_joined"])
        for one in data["curves"]
    ]
    x, y = Axis(**data["x"]), Axis(**data["y"])
    return Figure(data["title"], x, y, curves, data["about"])
