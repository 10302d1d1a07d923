"""What people wrote for the page is whole, and holds no answer."""

import json
from pathlib import Path

import pytest
import yaml

from unmix.errors import UserError
from unmix.learn import content
from unmix.learn.asked import Checks, Claims, Sources, Things
from unmix.learn.equations import EQUATIONS
from unmix.learn.evaluators import answer, outcomes, select
from unmix.learn.files import FILES, RECORDED, read
from unmix.learn.schema import Grid, Provenance
from unmix.learn.told import Status
from unmix.learn.verify import RESTARTS

ROOT = Path(__file__).parents[2]
CHECKS = {check.id: check for check in content.checks()}


def test_recorded_texts_are_those_that_were_written(tmp_path: Path):
    content.write(tmp_path, read(Grid, "grid"))
    for path in tmp_path.iterdir():
        told = f"`{path.name}` is not what content/ says; run `python -m unmix.learn.content`"
        assert path.read_text() == (RECORDED / path.name).read_text(), told


def test_a_question_has_no_answer_written_down():
    keys = set(yaml.safe_load((content.CONTENT / "checks.yaml").read_text())[0])
    assert not keys & {"answer", "correct", "expect", "right", "solution"}
    for check in json.loads((RECORDED / "checks.json").read_text())["checks"]:
        assert not set(check) & {"answer", "correct", "expect", "right"}


@pytest.mark.parametrize("name", CHECKS)
def test_questions_can_be_answered_from_what_is_recorded(name: str):
    check, grid = CHECKS[name], read(Grid, "grid")
    if check.measure.is_readers:
        return
    seeds = read(Provenance, "recorded").recipe["seeds"]
    measure = check.measure
    for place in (measure.from_, measure.to, measure.at, *measure.among.values()):
        assert place is None or len(select(grid, place)) == seeds, (name, place)
    found = answer(check, grid)
    assert found.option in outcomes(check)


def test_every_demo_has_its_question_and_every_misconception_too():
    objects = {thing.key: thing for thing in content.things()}
    assert {check.object for check in CHECKS.values()} <= set(objects)
    demos = {key for key, thing in objects.items() if thing.kind == "demo"}
    assert demos <= {check.object for check in CHECKS.values()}
    assert {thing.kind for thing in objects.values()} == {
        *("concept", "equation", "source", "code", "claim", "misconception", "demo")
    }
    for one in read(Things, "objects").objects:
        assert (ROOT / one.defined).exists(), one.key


def test_claims_stand_on_sources_and_witnesses_that_are_there():
    claims = read(Claims, "claims").claims
    sources = {source.id for source in read(Sources, "sources").sources}
    used = {one.id for claim in claims for one in claim.sources}
    assert used == sources
    keys = {thing.key for thing in read(Things, "objects").objects}
    for claim in claims:
        assert claim.certifies_only
        assert claim.does_not
        for witness in claim.witnesses:
            assert witness.object in keys
            if witness.kind == "equation":
                assert witness.runs in EQUATIONS
            if witness.kind == "demo" and witness.runs != RESTARTS:
                assert witness.expect in outcomes(CHECKS[witness.runs])


def test_every_file_of_the_page_is_recorded_and_small():
    files = [path for path in RECORDED.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 1_500_000
    names = {path.stem for path in files if path.suffix == ".json"}
    assert names == set(FILES)
    for name, kind in FILES.items():
        assert read(kind, name)
    grid = read(Grid, "grid")
    assert {run.weights for run in grid.runs if run.weights} == {
        path.relative_to(RECORDED).as_posix() for path in RECORDED.glob("weights/*.bin")
    }


def test_puzzles_can_be_solved():
    puzzles = read(Checks, "checks").puzzles
    assert puzzles
    runs = read(Grid, "grid").runs
    for puzzle in puzzles:
        solved = [r for r in runs if all(content.holds(one, r) for one in puzzle.conditions)]
        assert len(solved) < len(runs)
        assert all(any(r.setting == p.setting for r in solved) for p in puzzle.solutions)


def test_texts_that_do_not_fit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(content, "CONTENT", tmp_path)
    entry = yaml.safe_load(
        Path(content.__file__).with_name("content").joinpath("checks.yaml").read_text()
    )[0]
    for change, said in (
        ({"options": {"falls": "fall"}}, "needs the options falls, rises"),
        ({"evaluator": "guess"}, "`evaluator`"),
        ({"correct": "falls"}, "`correct`"),
    ):
        (tmp_path / "checks.yaml").write_text(yaml.safe_dump([{**entry, **change}]))
        with pytest.raises(UserError, match=said):
            content.checks()
    (tmp_path / "checks.yaml").write_text(yaml.safe_dump([entry, entry]))
    with pytest.raises(UserError, match="twice"):
        content.checks()


def test_the_status_is_of_these_claims():
    status = read(Status, "status")
    claims = read(Claims, "claims").claims
    assert list(status.claims) == [claim.id for claim in claims]
    for claim in claims:
        kinds = [one.kind for one in status.claims[claim.id].witnesses]
        assert kinds == [one.kind for one in claim.witnesses]
