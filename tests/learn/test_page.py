"""The whole learning page: without JavaScript, narrow, by keys, for those who cannot see it."""

import pytest
from playwright.sync_api import Browser, expect

from tests.learn.conftest import Learn
from tests.learn.demos import FREE, shown
from tests.web.opened import Scheme

pytestmark = pytest.mark.browser
VIEWS = ("a", "b", "c1", "c2", "d")


def test_it_can_be_read_without_javascript(browser: Browser, learn_address: str):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(learn_address)
    expect(page.locator("#intuition")).to_contain_text("superposition")
    expect(page.locator("math")).not_to_have_count(0)
    expect(page.locator("figure [data-run-id]").first).to_be_visible()
    expect(page.locator("pre").first).to_contain_text("def train_sae(lam")
    expect(page.locator("main > section").last).to_contain_text("Certifies only")
    context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_nothing_is_in_the_way_of_anyone(learning: Learn, width: int, scheme: Scheme):
    opened = learning(width=width, scheme=scheme)
    page = opened.go(f"{FREE}&beside=topk&at=5")
    for view in VIEWS:
        shown(page, view)
    opened.settled()
    assert opened.overhang() <= 0
    assert opened.faults() == []


def test_a_guess_needs_no_mouse(learning: Learn):
    page = learning().go("")
    demo = shown(page, "c1")
    demo.get_by_role("radio").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    slider = demo.locator('input[data-control="budget"]')
    expect(slider).to_be_enabled()
    slider.focus()
    page.keyboard.press("End")
    expect(demo.locator("label").filter(has_text="Features an activation may use")).to_contain_text(
        "40"
    )
    assert "ck=40" in page.url


def test_the_budget_in_the_sentence_is_the_one_of_the_demo(learning: Learn):
    page = learning().go(FREE)
    page.get_by_role("button", name="a larger budget").click()
    demo = shown(page, "a")
    expect(demo.locator('input[data-control="budget"]')).to_have_value("4")
    expect(page.locator('[data-readout="intuition-k"]')).to_have_text("5")
