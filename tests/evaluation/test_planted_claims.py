"""Claims: rules are applied to every seed, and stale numbers are never shown."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from unmix.errors import UserError
from unmix.evaluation.claims import record
from unmix.evaluation.claims.claim import SEEDS, Claim, Numbers, Rule, outcomes
from unmix.evaluation.claims.run import NAMES, load, run, show

SMALL = Claim(
    name="small",
    says="One is larger than the other",
    source="here",
    numbers=lambda seed: {"a": 1.0 + seed, "b": 0.5},
    rules=(Rule("a less b", lambda n: n["a"] - n["b"], 0.4),),
)


def found(*gaps: float) -> list[Numbers]:
    return [{"a": 1.0 + gap, "b": 1.0} for gap in gaps]


def test_a_rule_holds_only_if_every_seed_reaches_the_least():
    (all_do,) = outcomes(SMALL, found(0.5, 0.6, 0.4 + 1e-9))
    assert all_do.holds
    assert all_do.margins == pytest.approx([0.5, 0.6, 0.4])
    assert not outcomes(SMALL, found(0.5, 0.39))[0].holds
    assert not outcomes(SMALL, found(0.5, math.nan))[0].holds


def test_swapped_numbers_refute():
    swapped = replace(SMALL, rules=(Rule("b less a", lambda n: n["b"] - n["a"], 0.4),))
    assert not outcomes(swapped, found(0.5, 0.6))[0].holds


def test_what_does_not_hold_is_shown_with_its_numbers():
    for gap, holds in ((0.5, True), (0.1, False)):
        console = Console(width=120, record=True)
        made = dict(enumerate(found(gap, gap + 0.1)))
        assert show(SMALL, made, console) == holds
        said = console.export_text()
        assert ("DOES NOT HOLD" in said) != holds
        assert f"{gap:.3g} to {gap + 0.1:.3g}, at least 0.4 asked for" in said
        assert "mean over 2 seeds: a 1" in said


def test_every_claim_is_a_file_that_says_what_it_means():
    folder = Path(record.__file__).parent
    rest = {"__init__", "claim", "record", "run"}
    assert {path.stem for path in folder.glob("*.py")} - rest == set(NAMES)
    for name in NAMES:
        claim = load(name)
        assert claim.name == name
        assert claim.says
        assert claim.source
        assert claim.rules
    with pytest.raises(UserError, match="there is no claim `nothing`"):
        load("nothing")


def test_numbers_are_read_back_until_the_code_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rows = {1: {"a": 0.5, "b": math.nan}, 0: {"a": 1.0, "b": 2.0}}
    record.write(tmp_path, "toy", rows, key=record.key_of("toy"), seconds=3.0)
    back = record.read(tmp_path, "toy")
    assert sorted(back) == [0, 1]
    assert back[0] == rows[0]
    assert math.isnan(back[1]["b"])
    assert record.missing(back) == [seed for seed in SEEDS if seed > 1]
    assert record.read(tmp_path, "bias") == {}
    monkeypatch.setattr(record, "MEASURING", (*record.MEASURING, "score"))
    assert record.read(tmp_path, "toy") == {}


def test_recorded_claims_are_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rows = {seed: {"a": 1.0} for seed in SEEDS}
    record.write(tmp_path, "toy", rows, key=record.key_of("toy"), seconds=1.0)
    monkeypatch.setattr("unmix.evaluation.claims.run.ProcessPoolExecutor", None)
    assert run(["toy"], tmp_path)["toy"][3] == {"a": 1.0}
