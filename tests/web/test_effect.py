"""What interventions change, against what the server says."""

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.explorer.asking import Parrot
from tests.web.conftest import Open
from tests.web.opened import Scheme
from tests.web.told import told
from unmix.explorer.trouble import Busy

TEXT = "the cat does not take a view"

pytestmark = pytest.mark.browser


def effect(**query: str | int | float) -> str:
    """Return the address of the view."""
    return f"#/effect?{urlencode({'text': TEXT} | query)}"


def chances(page: Page) -> list[list[str]]:
    """Return the rows of the table: token, before, after, logit."""
    table = page.get_by_role("table", name="chance of the next token, before and after")
    expect(table).to_be_visible()
    rows = table.get_by_role("row").all()[1:]
    return [row.locator("th, td:not(.bars)").all_text_contents() for row in rows]


def doses(page: Page) -> list[str]:
    """Return the strengths of the curve, as its text twin has them."""
    twin = page.get_by_role("table", name=re.compile("^nats by"))
    expect(twin).to_have_count(1)
    return twin.get_by_role("rowheader").all_text_contents()


def plain(number: float) -> str:
    """Return a number as the page writes it."""
    return f"{number:.3g}".replace("-", "−")


def test_it_begins_with_latents_to_choose_from(asking: Open):
    opened = asking()
    page = opened.go("#/effect")
    sure = told(opened, "table?sort=rule_f1&descending=true&limit=12&columns=rule_f1")["rows"]
    links = page.get_by_role("list").last.get_by_role("link")
    expect(links.first).to_contain_text(str(sure[0]["latent"]))
    links.first.click()
    expect(page).to_have_url(re.compile(f"latent={sure[0]['latent']}.*mode=add&strength="))
    assert chances(page)


def test_chances_before_and_after_are_those_of_the_server(asking: Open):
    opened = asking()
    done = [{"latent": 7, "mode": "add", "strength": 3.0}]
    answer = told(opened, "live/effect", {"text": TEXT, "interventions": done, "strengths": []})
    page = opened.go(effect(latent=7, mode="add", strength=3))
    found = chances(page)
    assert len(found) == 12
    first = answer["changes"][0]
    assert found[0][0] == first["text"].replace(" ", "␣")
    assert found[0][1].startswith(f"{100 * first['before']:.2g}"[:3])
    expect(page.get_by_text(f"changed by {plain(answer['kl'])} nats")).to_be_visible()
    page.get_by_role("button", name="all 30").click()
    assert len(chances(page)) == 30


def test_a_curve_beside_random_directions(asking: Open):
    opened = asking()
    largest = told(opened, "latent/7")["statistics"]["largest"]
    page = opened.go(effect(latent=7, mode="clamp", strength=1))
    strengths = doses(page)
    assert strengths[0] == "0"
    assert strengths[-1] == plain(float(f"{4 * float(f'{largest:.3g}'):.3g}"))
    twin = page.get_by_role("table", name="nats by act")
    expect(twin.get_by_role("columnheader")).to_have_text(["act", "latent 7", "random directions"])
    done = [{"latent": 7, "mode": "clamp", "strength": 1.0}]
    asked = {"text": TEXT, "interventions": done, "strengths": [0.0]}
    dose = told(opened, "live/effect", asked)["curve"][0]
    cells = twin.get_by_role("row").nth(1).get_by_role("cell").all_text_contents()
    assert cells == [plain(dose["kl"]), plain(dose["kl_random"])]


def test_a_slider_moved_by_keys_changes_the_strength(asking: Open):
    opened = asking()
    page = opened.go(effect(latent=7, mode="add", strength=1))
    before = chances(page)
    slider = page.get_by_role("slider", name="strength")
    for _ in range(12):
        slider.press("ArrowRight")
    expect(page).not_to_have_url(re.compile(r"strength=1(&|$)"))
    opened.settled()
    strength = float(re.findall(r"strength=([\d.]+)", page.url)[0])
    assert strength > 1
    expect(page.get_by_role("spinbutton", name="strength, of its direction")).to_have_value(
        re.compile(f"^{strength:g}")
    )
    assert chances(page) != before


def test_several_latents_at_once_and_one_left_alone_again(asking: Open):
    opened = asking()
    page = opened.go(effect(latent=7, mode="add", strength=2))
    page.get_by_label("and latent").fill("9")
    page.get_by_role("button", name="add it").click()
    expect(page).to_have_url(re.compile("latent=7%2C9"))
    page.get_by_label("what is done to it").nth(1).select_option("take away")
    expect(page).to_have_url(re.compile("mode=add%2Cablate"))
    expect(page.get_by_text("all of its contribution")).to_be_visible()
    done = [
        {"latent": 7, "mode": "add", "strength": 2.0},
        {"latent": 9, "mode": "ablate", "strength": 1.0},
    ]
    answer = told(opened, "live/effect", {"text": TEXT, "interventions": done, "strengths": []})
    expect(page.get_by_text(f"changed by {plain(answer['kl'])} nats")).to_be_visible()
    page.get_by_role("button", name="remove latent 7").click()
    expect(page).to_have_url(re.compile("latent=9&mode=ablate"))
    expect(page.get_by_label("latent 1", exact=True)).to_have_value("9")


def test_a_latent_that_is_not_there(asking: Open):
    page = asking().go(effect(latent=9999))
    expect(page.get_by_role("alert")).to_contain_text("there is no latent 9999")
    expect(page.get_by_role("heading", name="Chance of the next token")).to_have_count(0)


def test_writing_without_and_with_from_one_seed(asking: Open):
    opened = asking()
    done = [{"latent": 7, "mode": "add", "strength": 40.0}]
    asked = {"text": TEXT, "interventions": done, "tokens": 40, "temperature": 0.8, "seed": 0}
    answer = told(opened, "live/generate", asked)
    page = opened.go(effect(latent=7, mode="add", strength=40))
    page.get_by_role("button", name=re.compile("^write 40 tokens")).click()
    region = page.get_by_role("region", name="What the model writes")
    made = region.locator(".made")
    expect(made).to_have_count(2)
    assert made.nth(0).text_content() == TEXT + "".join(answer["plain"])
    assert made.nth(1).text_content() == TEXT + "".join(answer["changed"])
    expect(region.locator("mark")).to_have_count(2)
    expect(region.get_by_text(re.compile(r"Seed 0, [\d.]+ seconds"))).to_be_visible()
    region.get_by_role("button", name="again").click()
    expect(region.get_by_text(re.compile("Seed 1,"))).to_be_visible()
    region.get_by_label("temperature").fill("0")
    expect(region.get_by_text("before the last change")).to_be_visible()


def test_another_text(asking: Open):
    opened = asking()
    page = opened.go(effect(latent=7, mode="add", strength=3))
    before = chances(page)
    page.get_by_label("Text").fill("from the boat to the sea")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("boat"))
    opened.settled()
    assert chances(page) != before


def test_without_a_model_it_says_what_to_run(reading: Open):
    page = reading().go(effect(latent=7))
    expect(page.get_by_text("There is no model here to change a latent")).to_be_visible()


def test_a_model_that_is_busy_is_told_of(probing: Open, parrot: Parrot):
    parrot.answer = Busy("other questions are being answered; try again in a moment")
    page = probing().go(effect(latent=7, mode="add", strength=3))
    expect(page.get_by_role("alert").first).to_contain_text("try again in a moment")


def test_a_hostile_label_is_text(probing: Open, parrot: Parrot):
    parrot.answer = Busy("busy")
    page = probing().go(effect(latent=7, mode="ablate"))
    expect(page.get_by_role("link").filter(has_text="<b>latent 7</b>")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(asking: Open, scheme: Scheme):
    opened = asking(scheme=scheme)
    page = opened.go(effect(latent="7,9", mode="add,ablate", strength="3,"))
    page.get_by_role("button", name=re.compile("^write 40 tokens")).click()
    expect(page.locator(".made")).to_have_count(2)
    assert opened.faults() == []


def test_it_fits_a_narrow_window(asking: Open):
    opened = asking(width=380)
    opened.go(effect(latent="7,9", mode="add,ablate", strength="3,"))
    assert opened.overhang() <= 0
