"""Demos a, b and c1: what is on screen is what was recorded, and the address keeps it."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.learn.conftest import Learn, serving
from tests.learn.demos import FREE, readout, readouts, recorded, shown, slide
from tests.web.opened import Opened

pytestmark = pytest.mark.browser
BUDGETS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 40)


def run_of(kind: str, setting: float) -> dict:
    """Return the recorded run that has its weights."""
    return next(
        run
        for run in recorded("grid")["runs"]
        if (run["world"], run["kind"], run["setting"]) == ("flat", kind, setting) and run["weights"]
    )


def test_the_story_is_the_recorded_one(learning: Learn):
    demo = shown(learning().go(FREE), "a")
    for stop, k in enumerate(BUDGETS):
        run = run_of("topk", k)
        slide(demo, "budget", stop, run=run["id"])
        assert readout(demo, "nmse") == pytest.approx(run["heldout"]["nmse"], abs=1e-4)
        assert readout(demo, "l0") == pytest.approx(run["heldout"]["l0"], abs=1e-4)
    expect(demo).not_to_contain_text("they differ")


def test_error_and_cleanness_are_computed_from_the_same_run(learning: Learn):
    demo = shown(learning().go(FREE), "c1")
    for stop, k in ((3, 4), (9, 16)):
        run = run_of("topk", k)
        slide(demo, "budget", stop, run=run["id"])
        for metric in ("nmse", "f1", "mcc"):
            assert readout(demo, metric) == pytest.approx(run["heldout"][metric], abs=1e-4)


def test_sizes_are_those_of_the_run_nearest_to_what_is_wanted(learning: Learn):
    demo = shown(learning().go(FREE), "b")
    for kind in ("TopK", "Gated", "JumpReLU", "L1"):
        demo.locator("[data-control=kind]").get_by_label(kind, exact=True).check()
        expect(demo.locator("[data-readout=l0]")).to_be_attached()
        assert readout(demo, "l0") == pytest.approx(4, abs=1.2)
    expect(demo).not_to_contain_text("they differ")
    demo.get_by_label("kind kept beside it").select_option("TopK")
    assert "beside=topk" in demo.page.url


def test_an_address_brings_every_number_back(learning: Learn):
    hash = f"{FREE}&k=6&read=12&sample=7&kind=gated&l0=5&ck=10&tk=3&at=5&dm=7&dseed=3&dat=40"
    first, again = learning().go(hash), learning().go(hash)
    for view in ("a", "b", "c1", "c2", "d"):
        wanted = readouts(shown(first, view))
        shown(again, view)
        again.wait_for_function(
            "([view, wanted]) => Object.entries(wanted).every(([name, value]) =>"
            " document.querySelector(`[data-view=${view}] [data-readout='${name}']`)"
            "?.dataset.value === value)",
            arg=[view, wanted],
        )
    assert first.url.split("#")[1] == again.url.split("#")[1]


def test_nothing_moves_before_a_guess(learning: Learn):
    demo = shown(learning().go(""), "a")
    expect(demo).to_contain_text("Commit a guess first")
    expect(demo.locator('input[data-control="budget"]')).to_be_disabled()


def test_numbers_that_differ_from_the_record_are_said_to(browser: Browser, changed: Path):
    path = changed / "grid.json"
    grid = json.loads(path.read_text())
    for run in grid["runs"]:
        if run["kind"] == "topk" and run["setting"] == 4 and run["heldout"]:
            run["heldout"]["nmse"] += 0.01
    path.write_text(json.dumps(grid))
    with serving(changed) as address:
        opened = Opened(browser, address)
        expect(shown(opened.go(FREE), "a")).to_contain_text("they differ")
        opened.page.context.close()
