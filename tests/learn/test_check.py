"""Questions: a guess first, both ends on screen, then what came out, which nobody wrote down."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.learn.conftest import Learn, serving
from tests.learn.demos import guess, recorded, shown, slide
from tests.web.opened import Opened

pytestmark = pytest.mark.browser


def test_a_guess_opens_the_control_and_both_ends_tell(learning: Learn):
    page = learning().go("")
    demo = shown(page, "a")
    question = next(one for one in recorded("checks")["checks"] if one["id"] == "a-first")
    expect(demo).not_to_contain_text("It is:")
    check = guess(demo, "a-first", "rises")
    expect(check).to_have_attribute("data-phase", "committed")
    expect(check.get_by_role("radio")).to_have_count(0)
    slide(demo, "budget", 0)
    expect(check).to_have_attribute("data-phase", "revealed")
    expect(check).to_contain_text(f"It is: {question['options']['falls']}")
    expect(check.locator("[data-run-id]").first).to_be_attached()
    page.reload()
    expect(page.locator('[data-check="a-first"]')).to_have_attribute("data-phase", "revealed")


def test_a_question_can_be_skipped_and_the_next_one_comes(learning: Learn):
    demo = shown(learning().go(""), "c1")
    demo.get_by_role("button", name="skip").click()
    expect(demo.locator('[data-check="c1-both"]')).to_have_attribute("data-phase", "revealed")
    expect(demo.locator('[data-check="c1-peak"]')).to_have_attribute("data-phase", "open")


def test_the_other_option_is_right_where_the_runs_are_the_other_way_round(
    browser: Browser, changed: Path
):
    path = changed / "grid.json"
    grid = json.loads(path.read_text())
    flat = [run for run in grid["runs"] if run["world"] == "flat" and run["kind"] == "topk"]
    for seed in {run["seed"] for run in flat}:
        one, four = (
            next(run for run in flat if run["seed"] == seed and run["setting"] == k) for k in (1, 4)
        )
        one["nmse"], four["nmse"] = four["nmse"], one["nmse"]
    path.write_text(json.dumps(grid))
    with serving(changed) as address:
        page = Opened(browser, address).go("")
        demo = shown(page, "a")
        check = guess(demo, "a-first", "rises")
        slide(demo, "budget", 0)
        expect(check).to_contain_text("So it is.")
        page.context.close()


def test_nowhere_is_an_answer_written():
    text = json.dumps(recorded("checks"))
    assert not any(word in text for word in ('"correct"', '"answer"', '"expect"'))


def test_practice_goes_from_nothing_to_three_by_keys_alone(learning: Learn):
    page = learning().go("")

    def press(where: Locator, *keys: str) -> None:
        where.focus()
        for key in keys:
            page.keyboard.press(key)

    def guessed(id: str, option: str) -> None:
        check = page.locator(f'[data-check="{id}"]')
        press(check.locator(f'input[value="{option}"]'), "Space", "Enter")
        expect(check).not_to_have_attribute("data-phase", "open")

    for view, n in (("a", 4), ("c1", 2)):
        demo = shown(page, view)
        for _ in range(n):
            press(demo.locator('[data-control="skip"]').first, "Enter")
        expect(demo.locator('input[data-control="budget"]')).to_be_enabled()
    practice = page.locator("#practice")
    guessed("p1-more", "falls")
    press(page.locator('[data-view="a"] input[data-control="budget"]'), *["ArrowLeft"] * 2)
    expect(practice.locator('[data-practice="1"]')).to_have_attribute("data-done", "true")
    press(page.locator('[data-view="c1"] input[data-control="budget"]'), *["ArrowRight"] * 6)
    expect(practice.locator('[data-practice="2"]')).to_have_attribute("data-done", "true")
    guessed("p3-transfer", "falls")
    tree = practice.locator('[data-control="tree-budget"]')
    press(tree.get_by_label("2", exact=True), *["ArrowRight"] * 5)
    why = practice.locator('[data-control="why"]')
    why.focus()
    page.keyboard.type("with two the child speaks for its parent, with eight both have room")
    page.keyboard.type(" enough")
    for box in practice.get_by_role("checkbox").all():
        press(box, "Space")
    expect(page.locator('[data-readout="readiness"]')).to_have_attribute("data-value", "3")
    page.reload()
    expect(page.locator('[data-readout="readiness"]')).to_have_attribute("data-value", "3")


def test_the_code_on_the_page_is_the_code_that_ran(learning: Learn):
    page = learning().go("")
    page.locator("#math").get_by_role("table").scroll_into_view_if_needed()
    badge = page.locator("[data-code]")
    expect(badge).to_have_attribute("data-code", "same")
    page.evaluate("document.querySelector('#code pre code span').textContent = 'import os'")
    expect(badge).to_have_attribute("data-code", "other")


def test_frames_turn_by_keys_and_stand_in_the_address(learning: Learn):
    page = learning().go("#frame=2")
    page.locator("[data-place=storyboard]").scroll_into_view_if_needed()
    board = page.locator("#storyboard")
    expect(board).to_have_attribute("data-frame", "2")
    board.get_by_role("button", name="frame 2").press("ArrowRight")
    expect(board).to_have_attribute("data-frame", "3")
    assert "frame=3" in page.url
