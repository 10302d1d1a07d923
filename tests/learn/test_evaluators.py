"""Answers are worked out, on the same cases as in the page."""

import json
from pathlib import Path
from typing import Any

import pytest

from unmix.learn import content
from unmix.learn.asked import Bin, Check, Place
from unmix.learn.evaluators import answer, change, locate, order, outcomes
from unmix.learn.files import read
from unmix.learn.schema import Grid, GridRun

CASES: dict[str, Any] = json.loads((Path(__file__).parent / "cases.json").read_text())


def case(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", CASES[name], ids=lambda one: one["name"])


def run(row: dict[str, Any]) -> GridRun:
    rest = {"gamma": 1, "slope": 1, "alive": 40, "absorption_off": None, "lean": None}
    return GridRun.model_validate({**rest, "steps": 1, "weights": None, "heldout": None, **row})


def grid() -> Grid:
    rows = CASES["grid"]
    return Grid(**{name: [run(row) for row in rows[name]] for name in ("runs", "from_truth")})


def asked(case: dict[str, Any]) -> Check:
    told = {"id": "x", "object": "x", "view": "a", "ask": "x", "options": {}, "visit": []}
    return Check.model_validate(
        {**told, "after": "", "evaluator": case["evaluator"], "measure": case["measure"]}
    )


@case("change")
def test_change(case: dict[str, Any]):
    pairs = [(float(a), float(b)) for a, b in case["pairs"]]
    assert change(pairs, min_effect=float(case["min_effect"])) == case["expect"]


@case("order")
def test_order(case: dict[str, Any]):
    values = {name: [float(v) for v in row] for name, row in case["values"].items()}
    effect, largest = float(case["min_effect"]), case["largest"]
    assert order(values, min_effect=effect, largest=largest) == case["expect"]


@case("locate")
def test_locate(case: dict[str, Any]):
    bins = [Bin.model_validate(one) for one in case["bins"]]
    assert locate([float(v) for v in case["values"]], bins) == case["expect"]


@case("answer")
def test_answers_come_from_the_runs(case: dict[str, Any]):
    check = asked(case)
    found = answer(check, grid()).option
    assert found == case["expect"]
    assert found in outcomes(check)


def test_the_other_answer_is_right_where_the_runs_are_the_other_way_round():
    """No answer is written anywhere: swap the ends of a question's runs, and it changes sides."""
    recorded, swapped = read(Grid, "grid"), {"falls": "rises", "rises": "falls"}
    tried = 0
    for check in content.checks():
        measure = check.measure
        if check.evaluator != "change":
            continue
        right = answer(check, recorded).option
        turned = {"from_": measure.to, "to": measure.from_}
        other = check.model_copy(update={"measure": measure.model_copy(update=turned)})
        assert answer(other, recorded).option == swapped.get(right, right), check.id
        tried += right in swapped
    assert tried >= 8


def test_a_place_is_the_run_whose_l0_is_nearest():
    check = asked(
        {
            "evaluator": "order",
            "measure": {
                "metrics": ["l0"],
                "among": {"a": Place(kind="relu", l0=4).model_dump()},
            },
        }
    )
    assert answer(check, grid()).runs == ["r2-0", "r1-1"]
