"""Finding latents, against what the server finds."""

import re
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Open
from tests.web.opened import Scheme
from tests.web.told import told

pytestmark = pytest.mark.browser


def hits(page: Page) -> list[int]:
    """Return the latents found, in order."""
    rows = page.get_by_role("list", name=re.compile("^latents found|^nearest latents"))
    expect(rows).to_be_visible()
    return [int(text) for text in rows.locator(".latent").all_text_contents()]


def test_typing_finds_and_arrow_keys_open(asking: Open):
    opened = asking()
    page = opened.go("#/search")
    field = page.get_by_role("searchbox")
    expect(field).to_be_focused()
    field.press_sequentially("he", delay=10)
    expect(page).to_have_url(re.compile("q=he"))
    opened.settled()
    found = told(opened, "search?q=he&kind=all&limit=50")
    assert hits(page) == [hit["latent"] for hit in found["hits"]]
    expect(page.get_by_role("status").first).to_contain_text(f"{found['total']} latent")
    first = page.get_by_role("list", name="latents found").get_by_role("link").first
    expect(first).to_contain_text(found["hits"][0]["why"])
    page.keyboard.press("ArrowDown")
    expect(first).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(field).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        f"Latent {found['hits'][0]['latent']}"
    )


def test_one_kind_only(asking: Open):
    opened = asking()
    page = opened.go("#/search?q=he")
    page.get_by_role("button", name="labels").click()
    expect(page).to_have_url(re.compile("kind=label"))
    opened.settled()
    found = told(opened, "search?q=he&kind=label&limit=50")["hits"]
    assert hits(page) == [hit["latent"] for hit in found]
    page.get_by_role("button", name="notes").click()
    expect(page.get_by_text("Nothing has he among the notes")).to_be_visible()


def test_nothing_typed_and_nothing_found(asking: Open):
    opened = asking()
    page = opened.go("#/search")
    expect(page.get_by_text("A label is a rule found by counting")).to_be_visible()
    hostile = "<img src=x onerror=alert(1)>\u202e"
    opened.go(f"#/search?q={quote(hostile)}")
    expect(page.get_by_text("Nothing has")).to_contain_text("<img src=x onerror=alert(1)>")
    assert page.locator("main img").count() == 0
    page.get_by_role("searchbox").fill("x" * 500)
    opened.settled()
    expect(page.get_by_text("Nothing has")).to_be_visible()


def test_hostile_labels_and_tokens_are_text(probing: Open):
    page = probing().go(f"#/search?q={quote('<b>')}")
    expect(page.get_by_role("link").filter(has_text="<b>latent 7</b>")).to_be_visible()


def test_by_direction(asking: Open):
    opened = asking()
    page = opened.go("#/search?by=direction")
    expect(page.get_by_text("Give the number of a latent, from 0 to 100")).to_be_visible()
    page.get_by_label("Nearest to latent").fill("7")
    expect(page).to_have_url(re.compile("near=7"))
    opened.settled()
    found = told(opened, "search/direction?latent=7&limit=50")["hits"]
    assert hits(page) == [hit["latent"] for hit in found]
    page.get_by_label("Nearest to latent").fill("500")
    expect(page.get_by_role("alert")).to_contain_text("500")


def test_by_what_fires_on_a_text(asking: Open):
    opened = asking()
    page = opened.go("#/search?by=text")
    page.get_by_label("What fires on this text").fill("the cat")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("text=the"))
    opened.settled()
    strongest = told(opened, "live/read", {"text": "the cat"})["strongest"]
    rows = page.locator("[data-hit]")
    expect(rows).to_have_count(min(40, len(strongest)))
    expect(rows.first).to_contain_text(str(strongest[0]["latent"]))
    page.get_by_role("link", name="token by token").click()
    expect(page.get_by_role("listbox")).to_be_visible()


def test_by_text_without_a_model(reading: Open):
    page = reading().go("#/search?by=text")
    expect(page.get_by_text("There is no model here to read a text")).to_be_visible()


def test_what_differs_between_two_slices(probing: Open):
    opened = probing()
    page = opened.go(
        f"#/search?{urlencode({'by': 'slices', 'a': 'source:news', 'b': 'source:code'})}"
    )
    found = told(opened, "differences?a=source:news&b=source:code&limit=1000")
    said = page.get_by_text(re.compile("latents? tested"))
    expect(said).to_contain_text(f"{found['n_a']:,} tokens")
    expect(said).to_contain_text(f"{found['n_b']:,}")
    tables = page.get_by_role("table")
    more = [row for row in found["rows"] if row["log_ratio"] > 0]
    less = [row for row in found["rows"] if row["log_ratio"] < 0]
    expect(tables).to_have_count(bool(more) + bool(less))
    for table, rows in zip(tables.all(), [rows for rows in (more, less) if rows], strict=True):
        first = table.get_by_role("row").nth(1)
        expect(first.get_by_role("link")).to_contain_text(str(rows[0]["latent"]))
        expect(first).to_contain_text("×")
    page.get_by_label("Another").select_option("news")
    expect(page.get_by_text("These are the same slice")).to_be_visible()


def test_a_slice_that_is_not_there_is_told_of(probing: Open):
    page = probing().go("#/search?by=slices&a=source:nowhere&b=source:news")
    expect(page.get_by_role("alert")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("query", ["q=he", "near=7", "by=text&text=the", "by=slices"])
def test_axe_finds_nothing_serious(asking: Open, scheme: Scheme, query: str):
    opened = asking(scheme=scheme)
    opened.go(f"#/search?{query}")
    assert opened.faults() == []


@pytest.mark.parametrize("query", ["q=he", "near=7", "by=text&text=the", "by=slices"])
def test_it_fits_a_narrow_window(asking: Open, query: str):
    opened = asking(width=380)
    opened.go(f"#/search?{query}")
    assert opened.overhang() <= 0
