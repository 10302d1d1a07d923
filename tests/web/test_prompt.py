"""A text, or two, as model and dictionary read them, against what the server says."""

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.explorer.asking import Parrot
from tests.web.conftest import Open
from tests.web.opened import Scheme
from tests.web.told import told
from unmix.explorer.trouble import NotReady

TEXT = "the cat does not take a view of it"
OTHER = "the cat does not take a boat of it"

pytestmark = pytest.mark.browser


def prompt(**query: str | int) -> str:
    """Return the address of the view."""
    return f"#/prompt?{urlencode({'text': TEXT} | query)}"


def tokens(page: Page) -> list[str]:
    """Return the tokens shown."""
    return page.get_by_role("listbox").get_by_role("option").all_text_contents()


def coloured(page: Page) -> list[int]:
    """Return which tokens have a colour."""
    return page.get_by_role("listbox").evaluate(
        "all => [...all.children].flatMap((one, i) => one.classList.contains('on') ? [i] : [])"
    )


def sent(request: Request) -> str:
    """Return the text of a request to read one."""
    return (request.post_data_json or {}).get("text", "")


def firing(read: dict) -> tuple[int, int]:
    """Return a token of a reading and a latent that fires on it and not on the one before."""
    for i, token in enumerate(read["tokens"]):
        before = {one["latent"] for one in read["tokens"][i - 1]["fired"]}
        for one in token["fired"]:
            if i > 2 and one["latent"] not in before:
                return i, one["latent"]
    raise AssertionError("every latent fires on every token")


def test_a_text_is_sent_by_enter_and_read_token_by_token(asking: Open):
    opened = asking()
    page = opened.go("#/prompt")
    expect(page.get_by_role("link", name=re.compile("^The talks began"))).to_be_visible()
    page.get_by_label("Text").fill(TEXT)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(re.escape(urlencode({"text": TEXT}))))
    expect(page.get_by_role("listbox")).to_be_visible()
    read = told(opened, "live/read", {"text": TEXT})
    assert tokens(page) == [token["text"] for token in read["tokens"]]
    numbers = page.locator("dl.numbers")
    expect(numbers).to_contain_text(f"{read['loss']:.3g} nats")
    expect(numbers).to_contain_text("explained")
    strongest = page.get_by_role("heading", name="Strongest in the whole text").locator("..")
    expect(strongest.get_by_role("link").first).to_contain_text(str(read["strongest"][0]["latent"]))
    expect(strongest.get_by_role("button").first).to_have_text(
        re.compile(f"^{read['strongest'][0]['act']:.1f}"[:3])
    )


def test_keys_choose_a_token_and_its_latents_are_listed(asking: Open):
    opened = asking()
    page = opened.go(prompt())
    page.locator("h1").click()
    page.keyboard.press("t")
    for key in ("Home", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    expect(page).to_have_url(re.compile("at=2"))
    expect(page.get_by_role("option", selected=True)).to_have_count(1)
    token = told(opened, "live/read", {"text": TEXT})["tokens"][2]
    group = page.get_by_role("group", name="latents that fire on it")
    found = group.get_by_role("listitem").get_by_role("link").all_text_contents()
    expected = sorted(token["fired"], key=lambda one: -abs(one["act"]))
    assert [int(re.split(r"\D", text)[0]) for text in found] == [
        one["latent"] for one in expected[:12]
    ]
    page.keyboard.press("End")
    n = len(tokens(page))
    expect(page.get_by_role("heading", name=f"token {n} of {n}")).to_be_visible()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("option", selected=True)).to_have_count(1)


def test_colours_are_chosen_and_told_in_a_table(asking: Open):
    opened = asking()
    page = opened.go(prompt())
    read = told(opened, "live/read", {"text": TEXT})
    for name, by in {
        "what is explained": "explained",
        "surprise": "loss",
        "cost of rebuilding": "change",
    }.items():
        page.get_by_role("button", name=name).click()
        expect(page).to_have_url(re.compile(f"by={by}"))
        expect(page.get_by_role("button", name=name)).to_have_attribute("aria-pressed", "true")
        assert coloured(page)
    page.get_by_text("as a table").click()
    rows = page.get_by_role("table").get_by_role("row")
    expect(rows).to_have_count(len(read["tokens"]) + 1)
    expect(rows.nth(2)).to_contain_text(f"{read['tokens'][1]['error']:.2g}"[:3])


def test_a_latent_is_shown_on_the_text_and_the_address_keeps_it(asking: Open):
    opened = asking()
    read = told(opened, "live/read", {"text": TEXT})
    at, latent = firing(read)
    where = [
        i
        for i, token in enumerate(read["tokens"])
        if latent in [f["latent"] for f in token["fired"]]
    ]
    page = opened.go(prompt(at=at))
    row = page.get_by_role("group", name="latents that fire on it").get_by_role(
        "button", name=re.compile(f"show latent {latent} on the text")
    )
    row.hover()
    assert coloured(page) == where
    row.click()
    page.mouse.move(0, 0)
    expect(page).to_have_url(re.compile(f"latent={latent}.*by=act"))
    page.reload()
    expect(page.get_by_role("button", name=f"latent {latent}", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    assert coloured(page) == where
    page.get_by_role("link", name="its page").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Latent {latent}")


def test_what_a_latent_needs_before_it(asking: Open):
    opened = asking()
    at, latent = firing(told(opened, "live/read", {"text": TEXT}))
    asked = {"text": TEXT, "token_index": at, "latent": latent, "keep": 0.8}
    needs = told(opened, "live/shorten", asked)
    page = opened.go(prompt(at=at, latent=latent, by="act"))
    page.get_by_role("button", name="what it needs before it").click()
    said = page.get_by_text(re.compile(f"latent {latent} still reaches"))
    expect(said).to_contain_text(f"of {needs['act']:.2f} on")
    expect(page.get_by_role("button", name="what it needs", exact=True)).to_be_visible()
    lost = [(needs["act"] - one) / needs["act"] for one in needs["without"][:at]]
    expect(page.locator(".word.worth")).to_have_count(sum(abs(one) >= 0.01 for one in lost))
    page.get_by_role("button", name="surprise").click()
    expect(said).to_be_hidden()


def test_typing_over_a_token_compares_the_two_texts(asking: Open):
    opened = asking()
    page = opened.go(prompt())
    at = tokens(page).index(" view") if " view" in tokens(page) else len(tokens(page)) - 3
    first = tokens(page)[at]
    page.get_by_role("option").nth(at).click()
    page.get_by_role("listbox").press("z")
    field = page.get_by_role("textbox", name=f"the token in place of {first}")
    expect(field).to_have_value("z")
    field.press_sequentially("ebra")
    field.press("Enter")
    expect(page).to_have_url(re.compile("other="))
    expect(page.get_by_label("Second text")).to_have_value(re.compile("zebra"))
    expect(page.get_by_role("heading", name="Fires more in the second")).to_be_visible()


def test_a_token_that_was_put_in_cannot_be_replaced(asking: Open):
    page = asking().go(prompt(at=0))
    page.get_by_role("button", name="replace it").click()
    page.keyboard.type("x")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("cannot be replaced")
    page.get_by_role("button", name="replace it").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_be_focused()


def test_two_texts_side_by_side(asking: Open):
    opened = asking()
    two = told(opened, "live/compare", {"a": TEXT, "b": OTHER})
    page = opened.go(prompt(other=OTHER))
    expect(
        page.get_by_text(f"Second text: {''.join(t['text'] for t in two['b']['tokens'])}")
    ).to_have_count(1)
    expect(page.locator(".pair")).to_have_count(len(two["pairs"]))
    differs = [
        (i, j)
        for i, j in two["pairs"]
        if i is None
        or j is None
        or two["a"]["tokens"][i]["token"] != two["b"]["tokens"][j]["token"]
    ]
    expect(page.locator(".pair.differs")).to_have_count(len(differs))
    more = [row for row in two["rows"] if row["difference"] > 0]
    rows = page.get_by_role("heading", name="Fires more in the second").locator("..")
    expect(rows.get_by_role("listitem").first).to_contain_text(f"+{more[0]['difference']:.2f}")
    button = rows.get_by_role("button", name=re.compile(f"show latent {more[0]['latent']} on both"))
    button.click()
    assert page.locator(".pairs .b.on").count() > 0
    page.get_by_role("button", name="only the first").click()
    expect(page.get_by_role("listbox")).to_be_visible()


def test_one_text_compared_with_itself_differs_in_nothing(asking: Open):
    page = asking().go(prompt(other=TEXT))
    expect(page.get_by_text("No latent fires more strongly in the second text")).to_be_visible()


HOSTILE = "<script>alert(1)</script> \u202eevil\u202c \x00 \ud800 <img src=x onerror=alert(2)> 中"


def test_a_hostile_text_is_shown_as_text(asking: Open):
    opened = asking()
    page = opened.go("#/prompt")
    page.on("dialog", lambda _: pytest.fail("the text was run"))
    page.get_by_label("Text").evaluate(
        "(field, codes) => { field.value = String.fromCharCode(...codes);"
        " field.dispatchEvent(new Event('input', {bubbles: true})) }",
        [ord(c) for c in HOSTILE],
    )
    page.get_by_label("Text").press("Enter")
    expect(page.get_by_role("listbox")).to_be_visible()
    shown = "".join(tokens(page))
    for part in ("<script>", r"\u202e", "␀", "�", "中"):
        assert part in shown
    assert page.locator("main script, main img").count() == 0
    page.get_by_role("option").nth(4).click()
    page.get_by_text("as a table").click()
    assert opened.faults() == []


def test_a_text_that_is_too_long_is_refused_in_a_sentence(asking: Open):
    opened = asking()
    page = opened.go("#/prompt")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.get_by_label("Text").evaluate(
        "field => { field.value = 'x'.repeat(4e6);"
        " field.dispatchEvent(new Event('input', {bubbles: true})) }"
    )
    expect(page.get_by_role("alert")).to_have_text(
        "The text has 4,000,000 characters; at most 20,000 are read at once. Shorten it."
    )
    page.get_by_label("Text").press("Enter")
    expect(page.get_by_role("button", name="read")).to_be_disabled()
    assert requests == []
    opened.go(f"#/prompt?{urlencode({'text': 'word ' * 3900})}")
    expect(page.get_by_role("alert").first).to_contain_text("tokens and the limit is")


def test_without_a_model_it_says_what_to_run(reading: Open):
    page = reading().go(prompt())
    expect(page.get_by_text("There is no model here to read a text")).to_be_visible()
    expect(page.get_by_role("textbox")).to_have_count(0)


def test_a_model_that_cannot_be_loaded_is_told_of(probing: Open, parrot: Parrot):
    parrot.answer = NotReady("the folder of the model is gone; run `unmix harvest` again")
    page = probing().go(prompt())
    expect(page.get_by_role("alert")).to_contain_text("the folder of the model is gone")
    asked = len(parrot.asked)
    page.get_by_role("button", name="try again").click()
    page.wait_for_load_state("networkidle")
    assert len(parrot.asked) == asked + 1


def test_while_the_model_is_loaded_that_is_what_is_said(asking: Open):
    opened = asking()
    state = {"state": "loading", "sentence": "the model of `run` is being loaded"}
    opened.page.route("**/api/live/state", lambda route: route.fulfill(json=state))
    held: list[Route] = []
    opened.page.route("**/api/live/read", lambda route: held.append(route))
    page = opened.page
    page.goto(f"{opened.address}{prompt()}")
    expect(page.get_by_role("status").filter(has_text="is being loaded")).to_be_visible()
    held[0].continue_()
    expect(page.get_by_role("listbox")).to_be_visible()
    expect(page.get_by_text("is being loaded")).to_have_count(0)


def test_a_text_that_is_superseded_is_given_up(asking: Open):
    opened = asking()
    page, given_up = opened.page, []
    page.on("requestfailed", lambda request: given_up.append(sent(request)))
    page.route(
        "**/api/live/read",
        lambda route: None if sent(route.request) == TEXT else route.continue_(),
    )
    page.goto(f"{opened.address}{prompt()}")
    expect(page.get_by_text("reading the text")).to_be_visible()
    page.get_by_label("Text").fill(OTHER)
    page.keyboard.press("Enter")
    expect(page.get_by_role("listbox")).to_be_visible()
    assert "".join(tokens(page)).endswith(OTHER)
    assert given_up == [TEXT]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("query", [{}, {"other": OTHER}], ids=["one", "two"])
def test_axe_finds_nothing_serious(asking: Open, scheme: Scheme, query: dict[str, str]):
    opened = asking(scheme=scheme)
    read = told(opened, "live/read", {"text": TEXT})
    at, latent = firing(read)
    opened.go(prompt(at=at, latent=latent, by="needs", **query))
    assert opened.faults() == []


@pytest.mark.parametrize("query", [{}, {"other": OTHER}], ids=["one", "two"])
def test_it_fits_a_narrow_window(asking: Open, query: dict[str, str]):
    opened = asking(width=380)
    opened.go(prompt(at=3, latent=1, **query))
    assert opened.overhang() <= 0
