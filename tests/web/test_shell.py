"""The head of the page, its keys, and what holds of every view."""

import re

import pytest
from playwright.sync_api import expect

from tests.web.conftest import Open
from tests.web.opened import Scheme

VIEWS = ("overview", "latent/3", "prompt", "effect", "search", "compare")

each_view = pytest.mark.parametrize("view", VIEWS)
pytestmark = pytest.mark.browser


def test_the_head_says_where_one_is_and_leads_everywhere(reading: Open):
    page = reading().go("#/overview")
    nav = page.get_by_role("navigation", name="views")
    expect(nav.get_by_role("link")).to_have_text(
        ["overview", "latents", "prompt", "effect", "search", "compare"]
    )
    expect(page.locator("header")).to_contain_text("run · resid.1 · 101 latents")
    for name in ("search", "compare", "overview"):
        nav.get_by_role("link", name=name).click()
        expect(nav.locator("[aria-current=page]")).to_have_text(name)
        expect(page).to_have_title(re.compile(f"^{name} · run · unmix"))


def test_no_address_is_the_overview_and_a_wrong_one_says_so(reading: Open):
    opened = reading()
    page = opened.go("")
    expect(page.get_by_role("heading", level=1)).to_have_text("101 latents")
    opened.go("#/nowhere")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such view")


def test_keys_lead_everywhere_and_are_listed(reading: Open):
    page = reading().go("#/overview")
    page.keyboard.press("?")
    help = page.get_by_role("dialog")
    expect(help).to_contain_text("search")
    expect(help).to_contain_text("go to latents")
    page.keyboard.press("Escape")
    expect(help).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("c")
    expect(page).to_have_url(re.compile("#/compare"))
    page.keyboard.press("/")
    expect(page).to_have_url(re.compile("#/search"))


def test_keys_typed_into_a_field_are_text(reading: Open):
    page = reading().go("#/overview")
    page.get_by_label("latents with").press_sequentially("g c / ?")
    expect(page.get_by_label("latents with")).to_have_value("g c / ?")
    expect(page).to_have_url(re.compile("#/overview"))


def test_latents_leads_to_one_and_then_to_the_last_that_was_seen(reading: Open):
    opened = reading()
    page = opened.go("#/latent")
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"^Latent \d+$"))
    opened.go("#/latent/17")
    opened.go("#/overview")
    page.get_by_role("link", name="latents", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Latent 17")


def test_a_server_that_is_gone_is_told_of_and_asked_again(reading: Open):
    opened = reading()
    opened.page.route("**/api/run", lambda route: route.abort())
    page = opened.go("#/overview")
    expect(page.get_by_role("alert")).to_contain_text("is unmix explore still running?")
    page.unroute("**/api/run")
    page.get_by_role("button", name="try again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("101 latents")


@each_view
def test_a_narrow_window_is_wide_enough(reading: Open, view: str):
    opened = reading(width=380)
    expect(opened.go(f"#/{view}").get_by_role("main")).to_be_visible()
    assert opened.overhang() <= 0


@each_view
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_grave(reading: Open, view: str, scheme: Scheme):
    opened = reading(scheme=scheme)
    opened.go(f"#/{view}")
    assert opened.faults() == []
