"""Claims, whose two lights do not know each other, and the room for a question about one thing."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.learn.conftest import Learn, serving
from tests.learn.demos import FREE, recorded, shown
from tests.web.opened import Opened

pytestmark = pytest.mark.browser
CLAIM = "claim:progressive"


def asked(page: Page, key: str) -> None:
    """Open the room on a thing, by keys."""
    button = page.locator(f'main button[data-object-key="{key}"]').first
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_attribute("data-object-key", key)
    expect(page.get_by_label("Your question")).to_be_visible()


def test_a_draft_stays_in_the_browser_and_the_focus_comes_back(learning: Learn):
    opened = learning()
    page = opened.go("")
    asked(page, CLAIM)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.get_by_label("Your question").fill("In which world would it be false?")
    expect(page.get_by_role("dialog")).to_contain_text("sent nowhere")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.evaluate("document.activeElement.dataset.objectKey") == CLAIM
    assert requests == []
    page.reload()
    asked(page, CLAIM)
    expect(page.get_by_label("Your question")).to_have_value("In which world would it be false?")
    assert opened.faults() == []


def test_the_text_to_take_elsewhere_holds_what_is_on_screen(learning: Learn):
    page = learning().go(FREE)
    readout = shown(page, "a").locator('[data-readout="nmse"]')
    value = float(readout.get_attribute("data-value") or "")
    asked(page, "demo:frontier")
    page.get_by_text("A text to take elsewhere").click()
    text = page.locator("[data-handoff]").inner_text()
    assert f"a: nmse {value:.3g}" in text
    assert "gao-2024-scaling-sae" in text
    assert not any(mark in text for mark in ("{", "undefined"))


def test_every_thing_is_somewhere_on_the_page(learning: Learn):
    page = learning().go("")
    expect(page.locator("[data-claim]")).to_have_count(len(recorded("claims")["claims"]))
    places = {one["anchor"] for one in recorded("objects")["objects"]}
    found = "name => !!document.querySelector(`[id='${name}'], [data-place='${name}']`)"
    assert [name for name in sorted(places) if not page.evaluate(found, name)] == []


def test_a_failing_witness_turns_one_light_and_leaves_the_other(browser: Browser, changed: Path):
    path = changed / "status.json"
    status = json.loads(path.read_text())
    state = status["claims"][CLAIM]
    state["operational"] = "failing"
    state["witnesses"][0]["state"] = "failed"
    path.write_text(json.dumps(status))
    with serving(changed) as address:
        page = Opened(browser, address).go("")
        claim = page.locator(f'[data-claim="{CLAIM}"]')
        expect(claim).to_have_attribute("data-operational", "failing")
        expect(claim).to_have_attribute("data-source", state["source"])
        expect(claim).to_contain_text("Certifies only")
        expect(page.locator("[data-claims]")).to_contain_text("1 failed")
        page.context.close()


def test_claims_can_be_read_where_no_witness_has_run(browser: Browser, changed: Path):
    (changed / "status.json").unlink()
    with serving(changed) as address:
        page = Opened(browser, address).go("")
        claim = page.locator(f'[data-claim="{CLAIM}"]')
        expect(claim).to_have_attribute("data-operational", "not_run")
        page.context.close()
