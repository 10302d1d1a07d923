"""Claims: rules are applied to every seed, and stale numbers are never shown."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from unmix.errors import UserError
from unmix.evaluation.claims import frontier, record
from unmix.evaluation.claims.claim import SEEDS, Claim, Numbers, Rule, outcomes
from unmix.evaluation.claims.record import Made
from unmix.evaluation.claims.run import NAMES, load, run
from unmix.evaluation.claims.show import BEGIN, END, show, write_page
from unmix.training.config import SweepConfig, TrainConfig
from unmix.worlds.named import WORLDS

SMALL = Claim(
    name="small",
    says="One is larger than the other",
    source="here",
    worlds=("toy",),
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


def test_a_rule_may_ask_for_at_most_so_much():
    rule = Rule("a less b", lambda n: n["a"] - n["b"], 0.1, 0.4)
    assert rule.bound == "at least 0.1 and at most 0.4"
    assert rule._replace(least=-math.inf).bound == "at most 0.4"
    for gaps, holds in (((0.1, 0.4), True), ((0.1, 0.41), False), ((0.09, 0.4), False)):
        numbers = [{"a": gap, "b": 0.0} for gap in gaps]
        (made,) = outcomes(replace(SMALL, rules=(rule,)), numbers)
        assert made.holds == holds


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
        assert f"a less b: {gap:.3g} to {gap + 0.1:.3g}  at least 0.4" in said
        assert "means of 2 seeds: a 1" in said


def test_a_page_says_what_came_out_between_its_marks(tmp_path: Path):
    page, made = tmp_path / "claims.md", Made("2026-11-25", "abc1234", 12.3)
    page.write_text(f"Before\n\n{BEGIN}\nformer\n{END}\n\nafter\n")
    rows = [(SMALL, dict(enumerate(found(0.5, 0.6))), made)]
    rows += [(replace(SMALL, name="other"), dict(enumerate(found(0.5, 0.1))), made)]
    write_page(page, rows)
    once = page.read_text()
    write_page(page, rows)
    assert page.read_text() == once
    assert once.startswith("Before")
    assert once.endswith("after\n")
    assert "former" not in once
    assert "**1 of 2 hold.**" in once
    assert "| [other](#other) | One is larger than the other | **does not hold** |" in once
    assert "| a less b | at least 0.4 | 0.1 to 0.5 | × |" in once
    assert "[toy](worlds/toy.md)" in once
    assert "2026-11-25, commit abc1234, 12 s of CPU time" in once
    page.write_text("nothing")
    with pytest.raises(UserError, match="lacks the two lines"):
        write_page(page, rows)


def test_every_claim_is_a_file_that_says_what_it_means():
    folder = Path(record.__file__).parent
    rest = {"__init__", "claim", "language", "record", "run", "show"}
    assert {path.stem for path in folder.glob("*.py")} - rest == set(NAMES)
    for name in NAMES:
        claim = load(name)
        assert claim.name == name
        assert claim.says
        assert claim.source
        assert claim.rules
        assert claim.is_real != bool(claim.worlds)
        assert set(claim.worlds) <= WORLDS.keys()
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
    about = record.made(tmp_path, "toy")
    assert about.seconds == 3.0
    assert about.date
    monkeypatch.setattr(record, "MEASURING", (*record.MEASURING, "score"))
    assert record.read(tmp_path, "toy") == {}


def test_words_and_rules_do_not_make_numbers_stale(tmp_path: Path):
    file = tmp_path / "claim.py"
    says = [
        '"""One."""\nX = 1\ndef f():\n    """Two."""\n    return X  # three\nCLAIM = 4\n',
        "X = 1\n\n\ndef f():\n    return X\n\n\nCLAIM = 5\n",
        "X = 2\ndef f():\n    return X\n",
    ]
    hashes = []
    for text in says:
        file.write_text(text)
        hashes.append(record._does(file))
    assert hashes[0] == hashes[1] != hashes[2]


def test_the_frontier_asks_for_the_names_that_a_sweep_gives():
    sweep = SweepConfig(kind=frontier.KINDS, k=frontier.BUDGETS)
    names = TrainConfig(store="s", sweep=sweep).variants()
    assert set(names) == {
        frontier._name(kind, k) for kind in frontier.KINDS for k in frontier.BUDGETS
    }


def test_kinds_are_compared_at_equal_l0():
    n = {}
    for kind, l0s, shift in (("topk", (16, 32, 64), 0.1), ("relu", (20, 40, 60), 0.3)):
        for k, l0 in zip(frontier.BUDGETS, l0s, strict=True):
            n[f"L0, {kind}-k{k}"] = float(l0)
            n[f"FVU, {kind}-k{k}"] = shift + 1 - 0.1 * math.log(l0)
    # 64 is beyond what L1 has; 16 is under it, and its fewest stand in.
    at_16 = 0.2 - 0.1 * math.log(20 / 16)
    assert frontier.gap(n, "FVU", over="relu", under="topk") == pytest.approx(at_16)
    n |= {f"L0, relu-k{k}": 5.0 for k in frontier.BUDGETS}
    assert math.isnan(frontier.gap(n, "FVU", over="relu", under="topk"))


def test_recorded_claims_are_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rows = {seed: {"a": 1.0} for seed in SEEDS}
    record.write(tmp_path, "toy", rows, key=record.key_of("toy"), seconds=1.0)
    monkeypatch.setattr("unmix.evaluation.claims.run.ProcessPoolExecutor", None)
    assert run(["toy"], tmp_path)["toy"][3] == {"a": 1.0}
