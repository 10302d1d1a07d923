"""Two dictionaries side by side, against what the server says."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Open
from tests.web.opened import Scheme
from tests.web.told import told

pytestmark = pytest.mark.browser


def own(page: Page) -> list[int]:
    """Return the latents of this dictionary, in the order shown."""
    return [int(text) for text in page.locator(".own .latent .num").all_text_contents()]


def test_how_many_are_in_both(asking: Open):
    opened = asking()
    found = told(opened, "compare?other=smaller&limit=50")
    page = opened.go("#/compare")
    numbers = page.locator("dl.numbers")
    for kind in ("matched", "split", "unmatched"):
        expect(numbers.get_by_text(f"{found[kind]:,} latents").first).to_be_visible()
    expect(numbers).to_contain_text(f"{found['mean_cosine']:.2f}")
    assert own(page) == [row["latent"] for row in found["rows"]]
    expect(page.get_by_text("67 latents")).to_be_visible()
    twin = page.get_by_role("table", name="latents by best cosine")
    assert sum(int(text) for text in twin.get_by_role("cell").all_text_contents()) == 101


def test_one_kind_only_and_more_of_them(asking: Open):
    opened = asking()
    page = opened.go("#/compare")
    page.get_by_role("button", name=re.compile("^more of 101")).click()
    opened.settled()
    assert len(own(page)) == 100
    page.get_by_role("button", name="unmatched").click()
    expect(page).to_have_url(re.compile("kind=unmatched"))
    opened.settled()
    found = told(opened, "compare?other=smaller&kind=unmatched&limit=50")
    assert own(page) == [row["latent"] for row in found["rows"]]


def test_a_latent_beside_its_counterpart(asking: Open):
    opened = asking()
    row = told(opened, "compare?other=smaller&limit=50")["rows"][0]
    best = row["others"][0]["latent"]
    there = told(opened, f"compare/{best}/examples?other=smaller&n=3&window=10")["examples"]
    page = opened.go("#/compare")
    button = page.get_by_role("button", name=re.compile(f"show latent {row['latent']} beside"))
    button.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    opened.settled()
    right = page.get_by_role("heading", name=re.compile(f"^{best} in smaller")).locator("..")
    expect(right.get_by_role("listitem")).to_have_count(len(there))
    expect(page.get_by_role("heading", name=re.compile(f"^{row['latent']} here"))).to_be_visible()
    expect(page.get_by_text("Nearest there, with cosine")).to_contain_text(str(best))
    button.press("Enter")
    expect(right).to_have_count(0)


def test_with_nothing_beside_it_says_how(reading: Open):
    page = reading().go("#/compare")
    expect(page.get_by_text("unmix explore RUN --beside OTHER_RUN")).to_be_visible()


def test_a_comparison_that_fails_is_told_of(asking: Open):
    opened = asking()
    sentence = "the directions have widths 16 and 32"
    opened.page.route(
        "**/api/compare?*", lambda route: route.fulfill(status=400, json={"error": sentence})
    )
    page = opened.go("#/compare?other=nobody")
    expect(page.get_by_role("alert")).to_contain_text(sentence)
    page.unroute("**/api/compare?*")
    page.get_by_role("button", name="try again").click()
    opened.settled()
    assert own(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(asking: Open, scheme: Scheme):
    opened = asking(scheme=scheme)
    page = opened.go("#/compare")
    page.locator("button.bar").first.click()
    opened.settled()
    assert opened.faults() == []


def test_it_fits_a_narrow_window(asking: Open):
    opened = asking(width=380)
    page = opened.go("#/compare")
    page.locator("button.bar").first.click()
    opened.settled()
    assert opened.overhang() <= 0
