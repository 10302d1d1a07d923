"""All latents: what narrows them, and in what order they stand."""

import json
import re
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.web.conftest import Open
from tests.web.opened import Opened

pytestmark = pytest.mark.browser


def table(opened: Opened, query: str) -> dict:
    """Return what the server says."""
    with urlopen(f"{opened.address}api/table?{query}") as answer:
        return json.load(answer)


def found(opened: Opened) -> list[int]:
    """Return the latents in the table."""
    page = opened.settled()
    return [int(text) for text in page.locator("tbody th[scope=row] a").all_inner_texts()]


def shown(page: Page) -> int:
    """Return how many latents are said to be selected."""
    said = page.get_by_role("status").inner_text()
    return int(said.split(" of ")[0].replace(",", ""))


def drag(
    page: Page, over: Locator, *, start: tuple[float, float], end: tuple[float, float]
) -> None:
    """Drag over a figure, from one place to another, each a share of its size."""
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * start[0], box["y"] + box["height"] * start[1])
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * end[0], box["y"] + box["height"] * end[1], steps=4)
    page.mouse.up()


def test_all_latents_most_frequent_first(reading: Open):
    opened = reading()
    page = opened.go("#/overview")
    expect(page.get_by_role("status")).to_have_text("101 of 101 latents")
    told = [row["latent"] for row in table(opened, "sort=density")["rows"]]
    listed = found(opened)
    assert len(listed) > 10
    assert listed == told[: len(listed)]
    assert page.locator("table[aria-rowcount='102']").count() == 1


def test_the_rest_of_the_table_comes_as_one_scrolls(reading: Open):
    opened = reading()
    page = opened.go("#/overview")
    told = [row["latent"] for row in table(opened, "sort=density&limit=101")["rows"]]
    page.get_by_role("region", name="table of latents").evaluate("e => e.scrollTo(0, 1e6)")
    expect(page.locator("tbody th[scope=row] a").last).to_have_text(str(told[-1]))


def test_a_query_line_narrows_everything(reading: Open):
    opened = reading()
    page = opened.go("#/overview")
    where = "density > 0.02 and largest > 1"
    page.get_by_label("latents with").fill(where)
    total = table(opened, f"where={quote(where)}")["total"]
    expect(page.get_by_role("status")).to_have_text(f"{total} of 101 latents")
    told = [row["latent"] for row in table(opened, f"where={quote(where)}")["rows"]]
    listed = found(opened)
    assert listed == told[: len(listed)]
    link = page.get_by_role("link", name="CSV").get_attribute("href") or ""
    with urlopen(opened.address + link) as answer:
        assert len(answer.read().decode().strip().splitlines()) == total + 1


def test_a_query_that_cannot_be_read_says_why_and_keeps_the_table(reading: Open):
    opened = reading()
    page = opened.go("#/overview")
    page.get_by_label("latents with").fill("densty < 1")
    expect(page.get_by_role("alert")).to_contain_text("did you mean density?")
    assert len(found(opened)) > 10
    page.get_by_label("latents with").fill("")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_query_that_none_satisfies(reading: Open):
    page = reading().go(f"#/overview?where={quote('density > 2')}")
    expect(page.get_by_text("No latent is like this.")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("0 of 101 latents")
    page.keyboard.press("Escape")
    expect(page.get_by_role("status")).to_have_text("101 of 101 latents")


def test_statistics_are_explained_and_put_into_the_line(reading: Open):
    page = reading().go("#/overview")
    page.get_by_role("button", name="all statistics").click()
    expect(page.get_by_text("Share of eligible tokens it fired on.")).to_be_visible()
    page.get_by_role("button", name="token_entropy").click()
    expect(page.get_by_label("latents with")).to_have_value("token_entropy ")


def test_a_heading_sorts_and_turns_the_order(reading: Open):
    opened = reading()
    page = opened.go("#/overview")
    page.get_by_role("columnheader", name="largest act").get_by_role("button").click()
    expect(page).to_have_url(re.compile("sort=largest"))
    told = [row["latent"] for row in table(opened, "sort=largest")["rows"]]
    listed = found(opened)
    assert listed == told[: len(listed)]
    page.get_by_role("columnheader", name="largest act").get_by_role("button").click()
    expect(page.get_by_role("columnheader", name="largest act")).to_have_attribute(
        "aria-sort", "ascending"
    )
    told = [row["latent"] for row in table(opened, "sort=largest&descending=false")["rows"]]
    listed = found(opened)
    assert listed == told[: len(listed)]


def test_dragging_over_the_dots_selects_and_the_address_keeps_it(reading: Open):
    opened = reading()
    page = opened.go("#/overview?x=density&y=largest")
    plot = page.locator("canvas")
    drag(page, plot, start=(0.3, 0.2), end=(0.8, 0.9))
    expect(page).to_have_url(re.compile("in=density"))
    few = shown(page)
    assert 0 < few < 101
    opened.settled()
    assert page.locator("table[aria-rowcount]").get_attribute("aria-rowcount") == str(few + 1)
    page.reload()
    expect(page.get_by_role("status")).to_have_text(f"{few} of 101 latents")
    page.get_by_role("button", name="zoom in").click()
    expect(page).to_have_url(re.compile("zoom="))
    page.get_by_role("button", name="show all").click()
    expect(page.get_by_role("status")).to_have_text("101 of 101 latents")


def test_histograms_narrow_each_other(reading: Open):
    page = reading().go("#/overview")
    cross = page.get_by_role("group", name="density", exact=True)
    drag(page, cross.locator("svg"), start=(0.5, 0.5), end=(1.0, 0.5))
    few = shown(page)
    assert 0 < few < 101
    other = page.get_by_role("group", name="largest act", exact=True)
    drag(page, other.locator("svg"), start=(0.0, 0.5), end=(0.5, 0.5))
    assert shown(page) < few
    cross.get_by_title("take the condition away").click()
    other.get_by_title("take the condition away").click()
    assert shown(page) == 101


def test_histograms_are_brushed_by_keys_too(reading: Open):
    page = reading().go("#/overview")
    low = page.get_by_role("slider", name="density, from", exact=True)
    low.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    assert 0 < shown(page) < 101
    expect(page).to_have_url(re.compile("in=density"))


def test_a_dot_is_named_and_opened(reading: Open):
    page = reading().go("#/overview?x=density&y=largest")
    canvas = page.locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    x, y = _somewhere(page, box)
    name = page.locator(".told b").inner_text()
    page.mouse.click(x, y)
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Latent {name}")


def _somewhere(page: Page, box: dict) -> tuple[float, float]:
    """Move over the plot until a dot is named."""
    for i in range(400):
        x = box["x"] + box["width"] * (0.2 + 0.6 * (i % 20) / 20)
        y = box["y"] + box["height"] * (0.1 + 0.8 * (i // 20) / 20)
        page.mouse.move(x, y)
        if page.locator(".told b").count():
            return x, y
    raise AssertionError("no dot was found")


def test_from_the_table_to_a_latent_and_on_in_its_order(reading: Open):
    opened = reading()
    page = opened.go("#/overview?sort=largest")
    told = [row["latent"] for row in table(opened, "sort=largest")["rows"]]
    page.locator("tbody th[scope=row] a").nth(2).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Latent {told[2]}")
    page.keyboard.press("n")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Latent {told[3]}")
    page.keyboard.press("p")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Latent {told[2]}")
    page.get_by_role("link", name="3. by largest").click()
    expect(page.get_by_role("columnheader", name="largest act")).to_have_attribute(
        "aria-sort", "descending"
    )


def test_what_was_asked_is_looked_at_by_axe(reading: Open):
    opened = reading(scheme="dark")
    page = opened.go(f"#/overview?where={quote('density > 0.02')}&in=largest:0.1~4")
    page.get_by_role("button", name="all statistics").click()
    assert opened.faults() == []
