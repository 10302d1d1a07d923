"""Progress: a bar where a terminal shows it, else a line a minute."""

from io import StringIO

import pytest
from rich.console import Console

from unmix.cli import console


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Give a clock that is set by hand."""
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """Give what a terminal would show."""
    shown = StringIO()
    terminal = Console(file=shown, force_terminal=True, width=100, highlight=False)
    monkeypatch.setattr(console, "stderr", terminal)
    return shown


def test_without_a_terminal_it_is_a_line_a_minute(
    clock: list[float], capsys: pytest.CaptureFixture[str]
):
    with console.counting("harvest") as counter:
        for second in range(0, 181, 10):
            clock[0] = float(second)
            counter(second * 50, 18_000)
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        "harvest: 3,000 of 18,000 tokens, 50 a second, 5 min left",
        "harvest: 6,000 of 18,000 tokens, 50 a second, 4 min left",
        "harvest: 9,000 of 18,000 tokens, 50 a second, 3 min left",
    ]
    assert captured.out == ""


def test_on_a_terminal_it_is_a_bar_that_goes_away(screen: StringIO):
    with console.counting("harvest") as counter:
        counter(100, 300)
        counter(200, 300)
        counter(300, 300)
        console.say("on")
    assert "harvest" in screen.getvalue()
    assert "tokens/s" in screen.getvalue()


def test_an_unused_counter_shows_nothing(screen: StringIO):
    with console.counting("harvest"):
        pass
    assert screen.getvalue() == ""


def test_words_in_brackets_are_no_markup(capsys: pytest.CaptureFixture[str]):
    console.say("see [bold]hub:owner/name[:config][/bold] " + "long " * 40)
    assert capsys.readouterr().err.startswith("see [bold]hub:owner/name[:config][/bold] long")
