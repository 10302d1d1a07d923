"""Whether the page computes what Python computes, and what it trains itself: c2, d, the inquiry."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.learn.conftest import Learn, serving
from tests.learn.demos import FREE, guess, readout, recorded, shown, slide
from tests.web.opened import Opened

pytestmark = pytest.mark.browser


def test_the_badge_says_that_the_kernel_is_equal(learning: Learn):
    page = learning().go(FREE)
    shown(page, "a")
    expect(page.locator("[data-parity]").first).to_have_attribute("data-parity", "equal")


def test_the_badge_turns_where_one_number_is_wrong(browser: Browser, changed: Path):
    path = changed / "parity.json"
    parity = json.loads(path.read_text())
    parity["codes"][0]["acts"][0] += 0.01
    path.write_text(json.dumps(parity))
    with serving(changed) as address:
        page = Opened(browser, address).go(FREE)
        shown(page, "a")
        badge = page.locator("[data-parity]").first
        expect(badge).to_have_attribute("data-parity", "different")
        expect(badge).to_contain_text("does not compute what Python computes")
        page.context.close()


def test_the_way_from_the_truth_is_the_recorded_one(learning: Learn):
    path = recorded("path")["budgets"]["2"]["snapshots"]
    demo = shown(learning().go(FREE), "c2")
    assert readout(demo, "mcc") == pytest.approx(1, abs=1e-3)
    slide(demo, "time", len(path) - 1)
    expect(demo.locator("[data-readout=mcc]")).to_contain_text(f"recorded {path[-1]['mcc']:.4f}")
    assert readout(demo, "mcc") == pytest.approx(path[-1]["mcc"], abs=2e-3)
    assert readout(demo, "nmse") == pytest.approx(path[-1]["nmse"], abs=0.03)
    demo.get_by_role("button", name="to the start").click()
    assert readout(demo, "mcc") == pytest.approx(1, abs=1e-3)


def test_a_run_in_the_browser_can_be_gone_through_again(learning: Learn):
    demo = shown(learning().go(f"{FREE}&dm=8&dat=100"), "d")
    ended = readout(demo, "alike")
    assert readout(demo, "found") == 5
    slide(demo, "d-time", 0)
    assert readout(demo, "alike") < ended
    slide(demo, "d-time", 100)
    assert readout(demo, "alike") == ended


def test_an_atom_begins_where_it_is_put(learning: Learn):
    page = learning().go(FREE)
    demo = shown(page, "d")
    demo.get_by_role("slider", name="atom 1: where it begins").press("ArrowLeft")
    page.wait_for_function("location.hash.includes('dstart=')")
    expect(demo.get_by_role("slider", name="atom 1: where it begins")).to_be_visible()


def test_twenty_beginnings_answer_the_question(learning: Learn):
    demo = shown(learning().go(""), "d")
    check = guess(demo, "d-five", "none")
    demo.get_by_role("button", name="start 20 times anew").click()
    expect(check).to_have_attribute("data-phase", "revealed")
    assert 0 < readout(demo, "restarts") < 20
    expect(check).to_contain_text("It is: some")
    expect(demo.locator('[data-check="d-eight"]')).to_have_attribute("data-phase", "open")


def test_what_is_done_to_a_dictionary_decides_the_inquiry(learning: Learn):
    page = learning().go(FREE)
    page.locator("[data-place=inquiry]").scroll_into_view_if_needed()
    inquiry = page.locator('[data-check="inquiry-halve"]')
    inquiry.get_by_role("radio").nth(4).check()
    inquiry.get_by_role("button", name="commit").click()
    expect(inquiry).to_have_attribute("data-phase", "revealed")
    assert readout(inquiry, "moved-x") == 0
    assert readout(inquiry, "moved-code") > 0
