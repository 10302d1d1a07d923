"""What people wrote for the page, checked: questions, claims, sources, misconceptions, objects.

    content/*.yaml, grid -> checks, claims, sources, misconceptions and objects .json

`python -m unmix.learn.content` does that alone, with the grid that is recorded.

A question says what to measure and never what came out.  Thresholds of puzzles are made from the
runs here, so that a puzzle can always be solved.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from unmix.config import Config
from unmix.disk import fingerprint, write_text
from unmix.errors import UserError
from unmix.learn.asked import (
    Check,
    Checks,
    Claim,
    Claims,
    Condition,
    Misconception,
    Misconceptions,
    Place,
    Puzzle,
    Source,
    Sources,
    Thing,
    Things,
)
from unmix.learn.evaluators import UNCLEAR, outcomes, values
from unmix.learn.files import RECORDED, read
from unmix.learn.schema import Grid, GridRun, Recorded

CONTENT = Path(__file__).parent / "content"
R = TypeVar("R", bound=Recorded)


class Bound(Config):
    """A condition of a puzzle before its number is known."""

    metric: str
    sign: str
    place: Place
    """Where it must hold: the threshold is a little beyond the number there."""
    digits: int = 2


class Riddle(Config):
    """A puzzle before its numbers are known."""

    id: str
    object: str
    view: str
    ask: str
    conditions: list[Bound]
    hints: list[str]


def write(out: Path, grid: Grid) -> None:
    """Write every file of the page that people wrote."""
    texts: dict[str, Recorded] = {
        "checks": Checks(checks=checks(), puzzles=puzzles(grid)),
        "claims": Claims(claims=claims()),
        "sources": Sources(sources=_read(Source, "sources")),
        "misconceptions": Misconceptions(misconceptions=_read(Misconception, "misconceptions")),
        "objects": Things(objects=things()),
    }
    for name, data in texts.items():
        write_text(out / f"{name}.json", data.model_dump_json(by_alias=True) + "\n")


def checks() -> list[Check]:
    """Return every question.

    Raises:
        UserError: The options of one are not what its evaluator can answer.
    """
    found = _read(Check, "checks")
    for check in found:
        if set(check.options) != set(outcomes(check)):
            there = ", ".join(outcomes(check))
            raise UserError(f"the question `{check.id}` needs the options {there}")
        if UNCLEAR[check.evaluator] not in check.options:
            raise UserError(f"the question `{check.id}` must be able to stay open")
    return found


def claims() -> list[Claim]:
    """Return every claim."""
    return _read(Claim, "claims")


def things() -> list[Thing]:
    """Return everything that has an address.

    Raises:
        UserError: One names something that is not there.
    """
    found: list[Thing] = _read(Thing, "objects")
    found += [_of_claim(one) for one in claims()]
    found += [_of_source(one, claims()) for one in _read(Source, "sources")]
    found += [_of_misconception(one) for one in _read(Misconception, "misconceptions")]
    keys, sources = {one.key for one in found}, {one.id for one in _read(Source, "sources")}
    for one in found:
        odd = [*set(one.evidence) - keys, *set(one.sources) - sources]
        if odd:
            raise UserError(f"`{one.key}` names `{odd[0]}`, which is not there")
    return found


def _of_claim(claim: Claim) -> Thing:
    return Thing(
        key=claim.id,
        kind="claim",
        title=claim.text,
        parent="Claim review",
        anchor=claim.id.replace(":", "-"),
        defined="src/unmix/learn/content/claims.yaml",
        about=f"Certifies only {claim.certifies_only}.",
        sources=[one.id for one in claim.sources],
        evidence=sorted({one.object for one in claim.witnesses} - {claim.id}),
        resolves=[
            "Every witness was run here and passed, or you know which did not and why.",
            "You can name something close to the claim that it does not certify.",
        ],
    )


def _of_source(source: Source, all_claims: list[Claim]) -> Thing:
    return Thing(
        key=f"source:{source.id}",
        kind="source",
        title=f"{source.authors} ({source.year}), {source.title}",
        parent="Sources",
        anchor=f"source-{source.id}",
        defined="src/unmix/learn/content/sources.yaml",
        about=source.grounds,
        sources=[source.id],
        evidence=[c.id for c in all_claims if source.id in {one.id for one in c.sources}],
        resolves=[
            "You found the place in the source that says it, or that it does not.",
            "You can say what the source does not ground.",
        ],
    )


def _of_misconception(one: Misconception) -> Thing:
    return Thing(
        key=one.id,
        kind="misconception",
        title=one.says,
        parent="Misconceptions",
        anchor=one.id.replace(":", "-"),
        defined="src/unmix/learn/content/misconceptions.yaml",
        about=one.instead,
        evidence=[check.object for check in checks() if check.id == one.check],
        resolves=[
            "You answered its question before looking, and saw both numbers.",
            "You can say in which world it would be true.",
        ],
    )


def scope_hash(claim: Claim) -> str:
    """Return the hash of what a review of a claim was about: its text and scope."""
    told = [claim.text, claim.certifies_only, claim.does_not]
    return fingerprint([*told, [one.model_dump() for one in claim.sources]])


def puzzles(grid: Grid) -> list[Puzzle]:
    """Return every puzzle with its thresholds and the settings of the first seed that solve it.

    Raises:
        UserError: One has no solution among the runs with weights.
    """
    found = []
    for riddle in _read(Riddle, "puzzles"):
        conditions = [_condition(bound, grid) for bound in riddle.conditions]
        shown = [run for run in grid.runs if run.weights and run.world == "flat"]
        solved = [run for run in shown if all(holds(one, run) for one in conditions)]
        if not solved:
            raise UserError(f"the puzzle `{riddle.id}` has no solution; change its conditions")
        told = riddle.model_dump(exclude={"conditions"})
        places = [Place(kind=run.kind, setting=run.setting) for run in solved]
        found.append(Puzzle.model_validate({**told, "conditions": conditions, "solutions": places}))
    return found


def holds(condition: Condition, run: GridRun) -> bool:
    """Say whether a run satisfies a condition."""
    value = getattr(run, condition.metric)
    if value is None:
        return False
    return value < condition.value if condition.sign == "<" else value > condition.value


def _condition(bound: Bound, grid: Grid) -> Condition:
    """Return a condition with a round number that the first seed's run there just satisfies."""
    value = values(grid, bound.place, bound.metric).get(0)
    if value is None:
        raise UserError(f"no run of the first seed has `{bound.metric}` at {bound.place}")
    unit = 10.0**-bound.digits
    step = unit if bound.sign == "<" else -unit
    near = round(value / unit) * unit
    beyond = near if (near - value) * step > 0 else near + step
    told = {"metric": bound.metric, "sign": bound.sign, "value": round(beyond, bound.digits)}
    return Condition.model_validate(told)


def _read(kind: type[Any], name: str) -> list[Any]:
    """Read the list of a file."""
    return list(_entries(kind, CONTENT / f"{name}.yaml"))


def _entries(kind: type[Any], path: Path) -> Iterator[Any]:
    seen: set[str] = set()
    for entry in yaml.safe_load(path.read_text(encoding="utf-8")) or []:
        name = entry.get("id") or entry.get("key") if isinstance(entry, dict) else entry
        try:
            made = kind.model_validate(entry)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise UserError(f"`{path.name}`, `{name}`, `{place}`: {first['msg']}") from error
        if name in seen:
            raise UserError(f"`{path.name}` has `{name}` twice; rename one")
        seen.add(str(name))
        yield made


def main() -> None:
    """Write anew what people wrote, beside the runs that are recorded."""
    write(RECORDED, read(Grid, "grid"))


if __name__ == "__main__":
    main()
