"""Figures of the suite: where things lie, what is left out, and that they read back from disk."""

from itertools import pairwise
from pathlib import Path

import pytest

from unmix.evaluation import marks
from unmix.evaluation.result import Measured
from unmix.evaluation.score import Score
from unmix.evaluation.suite import plot as plots
from unmix.evaluation.suite.finding import Axis, Curve, Figure, Finding, Point, read, write
from unmix.evaluation.suite.page import called
from unmix.evaluation.suite.plot import Scale, plot, scale


def figure(*curves: Curve, is_log: bool = False) -> Figure:
    x, y = Axis("latents", is_log=is_log), Axis("error", "nats", is_log=is_log)
    return Figure("Error <over> latents", x, y, list(curves), "lower is better")


def test_a_log_scale_by_hand():
    across = Scale(1, 100, is_log=True)
    assert [across(x) for x in (1, 10, 100)] == pytest.approx([0, 50, 100])


def test_scales_of_positive_numbers_begin_at_zero_and_shares_end_at_one():
    plain = Axis("x")
    assert scale([0.2, 0.97], plain) == Scale(0.0, 1.0, is_log=False)
    assert scale([2.0, 3.0], plain).low == 0
    assert scale([2.0, 3.0], plain).high >= 3
    assert scale([-1.0, 0.0], plain).low == -1
    log = scale([10.0, 1000.0], Axis("x", is_log=True))
    assert log.low < 10
    assert log.high > 1000


def test_what_no_log_axis_holds_is_left_out():
    curve = Curve("a", "dictionary", [Point(0, 1), Point(1, 2), Point(2, 4)], is_joined=False)
    drawn = plot(figure(curve, is_log=True))
    assert drawn.count('class="dot me"') == 2
    assert "nothing to draw" in plot(figure(Curve("a", "dictionary", [Point(0, 0)]), is_log=True))


def test_intervals_and_names_are_drawn_and_escaped():
    one = Curve("<b>", "dictionary", [Point(1, 0.5, 0.4, 0.6), Point(2, 0.3, 0.2, 0.4)])
    two = Curve("random", "baseline", [Point(1, 0.5), Point(2, 0.6)])
    drawn = plot(figure(one, two))
    assert drawn.count('class="whisker me"') == 2
    assert "&lt;b&gt;" in drawn
    assert "<b>" not in drawn
    assert "0.400 to 0.600" in drawn  # in the table for those who do not see it


def test_names_stay_in_the_plot():
    places = plots._held([99.0, 98.0, 97.0, 3.0])
    assert max(places) <= plots.LAST
    ordered = sorted(places)
    assert all(b - a >= marks.LABEL - 1e-9 for a, b in pairwise(ordered))


def finding() -> Finding:
    score = Score(
        name="s",
        value=0.5,
        low=0.4,
        high=0.6,
        n=3,
        unit="",
        better="higher",
        definition="d",
        source="here",
        seconds=1.0,
    )
    row = Measured(name="a", role="dictionary", about="it", scores={"s": score})
    curve = Curve("a", "dictionary", [Point(1, 2, 1.5, 2.5), Point(3, 4)])
    return Finding(
        name="mine",
        title="Mine",
        asks="What?",
        measured=[row],
        figures=[figure(curve)],
        notes=["n"],
        settings={"seed": 0},
        seconds=1.0,
        kept=["suite/x.jsonl"],
    )


def test_a_finding_reads_back_the_same(tmp_path: Path):
    write(finding(), tmp_path, key="abc")
    kept = read(tmp_path, "mine")
    assert kept is not None
    assert kept == (finding(), "abc")
    assert read(tmp_path, "other") is None


def test_another_schema_is_not_read(tmp_path: Path):
    path = write(finding(), tmp_path, key="abc")
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 0'))
    assert read(tmp_path, "mine") is None


def test_a_dictionary_that_is_alone_is_called_so():
    found = finding()
    drawn = called(found.figures[0], found.measured)
    assert [curve.name for curve in drawn.curves] == ["dictionary"]
    assert called(found.figures[0], found.measured * 2) == found.figures[0]
