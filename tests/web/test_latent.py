"""The page of a latent, against what the server says of it."""

import json
import re
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, expect

from tests.explorer.asking import Parrot
from tests.index.written import DEAD, RULED
from tests.web.conftest import Open
from tests.web.opened import Opened

pytestmark = pytest.mark.browser


def asked(opened: Opened, path: str) -> dict:
    """Return what the server says."""
    with urlopen(f"{opened.address}api/{path}") as answer:
        return json.load(answer)


def acts(page: Page) -> list[float]:
    """Return the acts of the examples shown."""
    shown = page.get_by_role("list", name="examples").locator("button[aria-expanded]")
    return [float(text) for text in shown.all_inner_texts()]


def strongest(opened: Opened) -> int:
    """Return a latent that fires often."""
    return asked(opened, "table?sort=n_fired&limit=1")["rows"][0]["latent"]


def test_what_is_known_of_it(reading: Open):
    opened = reading()
    j = strongest(opened)
    known = asked(opened, f"latent/{j}")
    page = opened.go(f"#/latent/{j}")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Latent {j}")
    numbers = page.locator("dl.numbers")
    expect(numbers).to_contain_text(f"{int(known['statistics']['n_fired']):,}")
    expect(numbers).to_contain_text("density")
    for name, text in {
        "How strongly": f"{int(sum(known['acts']['counts'])):,} firings",
        "What it writes": known["up"][0]["text"].strip(),
        "Near by direction": str(known["by_direction"][0]["latent"]),
        "Near by firing": str(known["by_firing"][0]["latent"]),
        "In which text": "split",
    }.items():
        expect(page.get_by_role("region", name=name)).to_contain_text(text)
    page.get_by_text("All numbers").click()
    expect(page.get_by_role("row", name=re.compile("^burstiness"))).to_be_visible()
    page.get_by_text("Where this comes from").click()
    expect(page.get_by_text("resid.1").last).to_be_visible()


def test_examples_are_those_of_the_server_strongest_first(reading: Open):
    opened = reading()
    j = strongest(opened)
    told = asked(opened, f"latent/{j}/examples?how=top")["examples"]
    page = opened.go(f"#/latent/{j}")
    found = acts(page)
    assert len(found) == len(told)
    assert found == sorted(found, reverse=True)
    first = page.get_by_role("list", name="examples").get_by_role("listitem").first
    peak = told[0]["pieces"][told[0]["peak"]]["text"]
    expect(first.locator("mark.peak")).to_have_text(peak)


def test_a_bar_gives_examples_from_its_interval_and_the_address_keeps_it(reading: Open):
    opened = reading()
    page = opened.go(f"#/latent/{strongest(opened)}")
    bars = page.get_by_role("listbox", name="firings by act: choose an interval")
    box = bars.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.9)
    expect(page).to_have_url(re.compile("show=interval&low=.*&high="))
    expect(page.locator("[role=option][aria-selected=true]")).to_have_count(1)
    opened.settled()
    chosen = page.locator("[role=option][aria-selected=true]").get_attribute("aria-label") or ""
    low, high = map(float, re.findall(r"[\d.]+", chosen)[:2])
    found = acts(page)
    assert all(low - 0.01 <= act <= high + 0.01 for act in found)
    again = opened.go(page.url.removeprefix(opened.address))
    again.reload()
    opened.settled()
    assert acts(again) == found


def test_a_bar_is_chosen_by_keys_too(reading: Open):
    opened = reading()
    page = opened.go(f"#/latent/{strongest(opened)}")
    page.get_by_role("listbox").focus()
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("[role=option][aria-selected=true]")).to_have_count(1)


def test_examples_by_token_across_the_range_and_from_a_part_of_the_text(probing: Open):
    opened = probing()
    page = opened.go("#/latent/2")
    tokens = page.get_by_role("list", name="tokens by their share of firings")
    name = tokens.get_by_role("button").first.inner_text()
    tokens.get_by_role("button").first.click()
    expect(page).to_have_url(re.compile("show=token&token="))
    opened.settled()
    for peak in page.locator("mark.peak").all_inner_texts():
        assert peak.strip() == name.replace("␣", "").strip()
    page.keyboard.press("r")
    expect(page.get_by_role("button", name="across the range")).to_have_attribute(
        "aria-pressed", "true"
    )
    page.get_by_label("text the examples are from").select_option("source:code")
    expect(page).to_have_url(re.compile("slice=source%3Acode"))
    opened.settled()
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("list", name="examples").locator(".from")).to_contain_text("code")


def test_keys_step_through_examples_and_latents(reading: Open):
    opened = reading()
    j = strongest(opened)
    page = opened.go(f"#/latent/{j}")
    rows = page.get_by_role("list", name="examples").get_by_role("listitem")
    for _ in range(2):
        page.keyboard.press("j")
    expect(rows.nth(1)).to_have_attribute("aria-current", "true")
    page.keyboard.press("k")
    expect(rows.nth(0)).to_have_attribute("aria-current", "true")
    page.keyboard.press("Enter")
    expect(rows.nth(0)).to_contain_text("position")
    page.keyboard.press("n" if j < 100 else "p")
    there = j + 1 if j < 100 else j - 1
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Latent {there}")


def test_more_on_demand_and_a_word_on_how_many(reading: Open):
    opened = reading()
    j = strongest(opened)
    total = asked(opened, f"latent/{j}/examples?how=document&fold=false")["total"]
    page = opened.go(f"#/latent/{j}?show=all&fold=no")
    expect(page.get_by_text(f"20 of {total:,} firings")).to_be_visible()
    page.get_by_role("button", name="show more").click()
    expect(page.get_by_text(f"{min(40, total)} of {total:,} firings")).to_be_visible()


def test_misses_and_what_fired_instead(probing: Open):
    opened = probing()
    told = asked(opened, f"latent/{RULED}/misses")
    page = opened.go(f"#/latent/{RULED}?show=misses")
    where = page.get_by_role("region", name="Where it fires")
    expect(where).to_contain_text(f"on {told['silent']} of them")
    expect(
        where.get_by_role("list", name="places where it is silent").get_by_role("listitem")
    ).to_have_count(len(told["misses"]))
    expect(page.locator("main")).to_contain_text("fires on May")


def test_a_note_is_kept_when_its_field_is_left(probing: Open):
    opened = probing()
    page = opened.go("#/latent/4")
    page.keyboard.press("m")
    page.keyboard.type("fires on names of months")
    expect(page.get_by_text("not saved yet")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text(re.compile("^saved "))).to_be_visible()
    page.get_by_label("tags, separated by commas").fill("seen, time")
    page.keyboard.press("Escape")
    expect(page.get_by_text(re.compile("^saved "))).to_be_visible()
    note = asked(opened, "latent/4")["note"]
    assert (note["text"], note["tags"]) == ("fires on names of months", ["seen", "time"])
    page.reload()
    expect(page.get_by_label("note", exact=True)).to_have_value("fires on names of months")
    page.keyboard.press("n")
    expect(page.get_by_label("note", exact=True)).to_have_value("")


def test_a_note_that_cannot_be_kept_is_not_lost(probing: Open):
    page = probing().go("#/latent/6")
    page.get_by_label("tags, separated by commas").fill("t" * 100)
    page.keyboard.press("Escape")
    expect(page.get_by_text(re.compile("^not saved: "))).to_be_visible()
    expect(page.get_by_label("tags, separated by commas")).to_have_value("t" * 100)


def test_a_dead_latent_is_said_to_be_dead(probing: Open):
    opened = probing()
    page = opened.go(f"#/latent/{DEAD}")
    expect(page.locator("main")).to_contain_text("It is dead: it fired on none of")
    expect(page.get_by_text("It never fired, so there is nothing to show.")).to_be_visible()
    assert opened.overhang() <= 0
    assert opened.faults() == []


def test_a_latent_that_is_not_there(reading: Open):
    opened = reading()
    page = opened.go("#/latent/999999")
    expect(page.get_by_role("alert")).to_contain_text("999999")
    opened.go("#/latent/many")
    expect(page.get_by_text("A latent is a number from 0 to 100.")).to_be_visible()


def test_hostile_tokens_and_labels_are_shown_as_text(probing: Open):
    opened = probing()
    page = opened.go("#/latent/7?show=all&fold=no")
    for _ in range(4):
        more = page.get_by_role("button", name="show more")
        if more.count():
            more.click()
            opened.settled()
    expect(page.get_by_role("list", name="examples")).to_contain_text("<script>alert(1)</script>")
    assert page.locator("main script").count() == 0
    tokens = page.locator("[class*=tok]", has_text="evil")
    assert tokens.first.evaluate("e => getComputedStyle(e).unicodeBidi") == "isolate"


def test_the_model_is_asked_about_the_examples_shown(probing: Open, parrot: Parrot):
    opened = probing()
    told = asked(opened, "latent/2/examples?how=top")["examples"]
    positions = [one["position"] for one in told]
    checked = {"stored": 2.0, "now": 2.01, "difference": 0.005}
    parrot.answer = [{"position": p, "agrees": p == positions[0], **checked} for p in positions]
    page = opened.go("#/latent/2")
    page.get_by_role("button", name="check against the model").first.click()
    expect(page.get_by_text("they agree")).to_have_count(1)
    expect(page.get_by_text("they differ by 0.50 %")).to_have_count(len(positions) - 1)
    assert parrot.asked[-1] == ("check", {"latent": 2, "positions": positions})
    parrot.answer = [{"position": p, "loss": 0.25, "kl": 0.5} for p in positions]
    page.get_by_role("button", name="true effect").first.click()
    expect(page.get_by_text("+0.250 nats")).to_have_count(len(positions))


def test_a_model_that_is_busy_is_told_of(probing: Open, parrot: Parrot):
    from unmix.explorer.trouble import Busy

    parrot.answer = Busy("another question is being answered; ask again")
    page = probing().go("#/latent/2")
    page.get_by_role("button", name="true effect").first.click()
    expect(page.get_by_text("another question is being answered; ask again")).to_be_visible()
