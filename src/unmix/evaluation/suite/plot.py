"""A figure of the suite as HTML with inline SVG: curves or points, on plain or log axes."""

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from unmix.evaluation import marks
from unmix.evaluation.suite.finding import Axis, Curve, Figure, Point
from unmix.evaluation.words import interval_of, number

MOST = 7
"""Curves that get a name beside them."""
LAST = 95.0
"""Where the lowest name may stand, from the top."""


class Scale(NamedTuple):
    """From a number to a place between 0 and 100."""

    low: float
    high: float
    is_log: bool

    def __call__(self, value: float) -> float:
        """Return the place of a number."""
        ends = [math.log10(v) if self.is_log else v for v in (self.low, value, self.high)]
        return 100 * (ends[1] - ends[0]) / (ends[2] - ends[0])


def plot(figure: Figure) -> str:
    """Draw a figure, with a table of its numbers for those who do not see it."""
    points = [point for curve in figure.curves for point in curve.points]
    points = [p for p in points if _is_drawn(p.x, figure.x) and _is_drawn(p.y, figure.y)]
    if not points:
        return '<p class="quiet">there is nothing to draw</p>'
    across = scale([p.x for p in points], figure.x)
    ends = [end for p in points for end in (p.y, p.low, p.high) if end is not None]
    up = scale([end for end in ends if _is_drawn(end, figure.y)], figure.y)
    ordered = sorted(figure.curves, key=lambda curve: curve.role == "dictionary")
    drawn = "".join(_curve(curve, figure, across, up) for curve in ordered)
    names = _names(figure, up)
    shapes = (
        f'{marks.SVG}{marks.ground()}{drawn}</svg><span class="top num">{number(up.high)} '
        f"{escape(_named(figure.y))}</span>"
    )
    wide = " named" if names else ""
    body = f'<div class="plot topped tall ended{wide}">{shapes}{names}</div>'
    words = [number(across.low), _named(figure.x), number(across.high)]
    axis = marks.axis(words, kind=f"ended{wide}")
    base = f'<span class="base num">{number(up.low)}</span>' if up.low else ""
    return marks.figure(figure.title, body + base + axis + _twin(figure))


def scale(values: Sequence[float], axis: Axis) -> Scale:
    """Return a scale that holds some values; a plain one of positive numbers begins at zero."""
    low, high = min(values), max(values)
    if axis.is_log:
        room = (high / low) ** 0.06 if high > low else 2.0
        return Scale(low / room, high * room, is_log=True)
    low = 0.0 if low >= 0 else low
    if high > 0:
        is_share = 0.5 < high <= 1  # most likely
        high = 1.0 if is_share else marks.ceiling([high])
    return Scale(low, high if high > low else low + 1, is_log=False)


def _is_drawn(value: float, axis: Axis) -> bool:
    return math.isfinite(value) and (value > 0 or not axis.is_log)


def _named(axis: Axis) -> str:
    unit = f", {axis.unit}" if axis.unit else ""
    return f"{axis.name}{unit}{' (log)' if axis.is_log else ''}"


def _curve(curve: Curve, figure: Figure, across: Scale, up: Scale) -> str:
    """Draw one curve: its line if it is joined, a dot and an interval for each point if not."""
    mark = " me" if curve.role == "dictionary" else ""
    kept = [p for p in curve.points if _is_drawn(p.x, figure.x) and _is_drawn(p.y, figure.y)]
    title = f"<title>{escape(curve.name)}</title>"
    line = ""
    if curve.is_joined and len(kept) > 1:
        path = marks.path([across(p.x) for p in kept], [100 - up(p.y) for p in kept])
        line = f'<path class="line{mark}" d="{path}">{title}</path>'
    if curve.is_joined and len(kept) > 12:
        return line
    return line + "".join(_dot(curve, point, figure, across, up) for point in kept)


def _dot(curve: Curve, point: Point, figure: Figure, across: Scale, up: Scale) -> str:
    mark = " me" if curve.role == "dictionary" else ""
    x, y = across(point.x), 100 - up(point.y)
    told = f"{curve.name}: {number(point.y)} at {number(point.x)}"
    drawn = f'<path class="dot{mark}" d="M{x:.2f} {y:.2f}h0"><title>{escape(told)}</title></path>'
    ends = (point.low, point.high)
    if any(end is None or not _is_drawn(end, figure.y) for end in ends):
        return drawn
    low, high = (100 - up(end) for end in ends if end is not None)
    return f'<path class="whisker{mark}" d="M{x:.2f} {low:.2f}V{high:.2f}"/>{drawn}'


def _names(figure: Figure, up: Scale) -> str:
    """Write the names of curves beside their ends."""
    curves = [curve for curve in figure.curves if curve.points]
    curves = [curve for curve in curves if _is_drawn(curve.points[-1].y, figure.y)]
    if len(curves) < 2 or len(curves) > MOST:
        return ""
    places = _held([100 - up(curve.points[-1].y) for curve in curves])
    return "".join(
        f'<span class="end{" me" if curve.role == "dictionary" else ""}" '
        f'style="top:{place:.1f}%">{escape(curve.name)}</span>'
        for curve, place in zip(curves, places, strict=True)
    )


def _held(places: Sequence[float]) -> list[float]:
    """Keep labels apart, and above the foot of the plot."""
    moved = marks.apart(places)
    lowest = sorted(range(len(moved)), key=lambda i: -moved[i])
    floors = {i: LAST - rank * marks.LABEL for rank, i in enumerate(lowest)}
    return [min(place, floors[i]) for i, place in enumerate(moved)]


def _twin(figure: Figure) -> str:
    head = ["", _named(figure.x), _named(figure.y), "95 % interval"]
    rows = [
        [curve.name, number(p.x), number(p.y), interval_of(p.low, p.high)]
        for curve in figure.curves
        for p in curve.points[:: max(1, len(curve.points) // 24)]
    ]
    return marks.twin(figure.title, head, rows)
