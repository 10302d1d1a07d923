import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from unmix.evaluation import marks
from unmix.evaluation.examples import Effect, Example, Shown
from unmix.evaluation.words import act, number, share, tokens

EVIL = "<script>alert('x')</script>\"&"


class Text(HTMLParser):
    """Collects tags and text, and complains of tags left open."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> Text:
    parser = Text()
    parser.feed(html)
    assert not parser.open
    return parser


def figures() -> dict[str, str]:
    line = marks.Line(EVIL, [0, 10, 20], [1.0, 0.5, 0.2], is_marked=True)
    other = marks.Line("other", [0, 10], [1.0, 0.9], is_marked=False)
    bar = marks.Bar(EVIL, 2.0, 1.9, 2.1, is_marked=True, title=EVIL)
    point = marks.Point(EVIL, 32.0, 0.2, 0.19, 0.21, is_marked=True)
    shown = [Shown(EVIL, 1.0, True), Shown(" a", 0, False), Shown("b", None, False)]
    return {
        "lines": marks.lines([line, other], what=EVIL),
        "histogram": marks.histogram([0, 5, 1], edges=[EVIL] * 3, ends=(EVIL, "1"), label=EVIL),
        "bars": marks.bars([bar], label=EVIL, unit="nats"),
        "frontier": marks.frontier([point, point._replace(x=8.0)], label=EVIL),
        "context": marks.context(Example(1.0, EVIL, shown), largest=1.0),
        "effects": marks.effects([Effect(EVIL, 1.0)], [Effect("b", -0.5)]),
    }


@pytest.mark.parametrize("name", list(figures()))
def test_text_is_never_markup(name: str):
    found = read(figures()[name])
    assert "script" not in found.tags
    assert EVIL in found.text


@pytest.mark.parametrize("name", ["lines", "histogram", "bars", "frontier"])
def test_every_figure_has_a_text_twin(name: str):
    html = figures()[name]
    assert re.search(r'<figure aria-label="[^"]+"', html)
    assert "<table><caption>" in html
    assert 'aria-hidden="true"' in html


def test_the_strength_of_a_highlight_is_the_strength_of_the_act():
    pieces = [Shown("strong", 8.0, True), Shown("weak", 2.0, False), Shown("none", 0.0, False)]
    html = marks.context(Example(8.0, "d", pieces), largest=10.0)
    assert re.search(r'<mark class="tok on" style="--a:0.80"[^>]*>strong', html)
    assert re.search(r'<span class="tok on" style="--a:0.20"[^>]*>weak', html)
    assert '<span class="tok">none' in html


def test_empty_curves_are_said():
    assert "no loss was recorded" in marks.lines([], what="loss")


def test_labels_do_not_cover_each_other():
    found = marks.apart([50.0, 50.0, 48.0, 10.0])
    found.sort()
    assert all(b - a >= marks.LABEL for a, b in pairwise(found))


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0, "0"), (1e-9, "0"), (0.1392, "0.139"), (31.84, "31.8"), (20786.2, "20,786"),
     (-0.02, "−0.020"), (0.0001, "1e−04")],
)  # fmt: skip
def test_numbers(value: float | None, text: str):
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0, "0 %"), (1, "100 %"), (0.139, "13.9 %"), (0.0033, "0.33 %"),
     (1e-7, "1e−05 %"),
     (1.674, "167.4 %"), (-0.5, "−50.0 %")],
)  # fmt: skip
def test_shares(value: float | None, text: str):
    assert share(value) == text


def test_acts_and_counts():
    assert [act(10.64), act(0.0312), act(-2.0)] == ["10.6", "0.031", "−2.0"]
    assert [tokens(420_000), tokens(15_360), tokens(12), tokens(2_000_000)] == [
        "420k", "15.4k", "12", "2M"
    ]  # fmt: skip
