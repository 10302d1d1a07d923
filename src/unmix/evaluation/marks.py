"""Our own small figures, as pure functions from numbers to HTML with inline SVG.

A shape is drawn in a 100 by 100 box that stretches to the column, its strokes kept at their width;
all text is HTML beside it, so type keeps its size at every width.  Each figure has a text twin: a
sentence as its label and a table of its numbers that only screen readers see.
"""

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from unmix.evaluation.examples import Effect, Example
from unmix.evaluation.words import MINUS, act, interval_of, number, tokens

SVG = '<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">'
LABEL = 13
"""Least distance between two labels beside a figure, in per cent of its height."""


class Line(NamedTuple):
    """A curve over training."""

    name: str
    xs: list[float]
    ys: list[float]
    is_marked: bool


class Bar(NamedTuple):
    """A bar with what is written beside it."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    is_marked: bool
    title: str


class Point(NamedTuple):
    """A dictionary or control on the frontier."""

    name: str
    x: float
    y: float
    low: float | None
    high: float | None
    is_marked: bool


def lines(series: Sequence[Line], *, what: str) -> str:
    """Draw curves over tokens from zero up, each labelled with its name and last value."""
    series = [line for line in series if line.xs]
    if not series:
        return f'<p class="quiet">no {escape(what)} was recorded</p>'
    right = max(line.xs[-1] for line in series)
    top = ceiling([y for line in series for y in line.ys])
    ends = apart([100 * (1 - min(line.ys[-1] / top, 1)) for line in series])
    drawn, labels = [], []
    for line, end in sorted(zip(series, ends, strict=True), key=lambda pair: pair[0].is_marked):
        mark = " me" if line.is_marked else ""
        heights = [100 * (1 - y / top) for y in line.ys]
        way = path([100 * x / right for x in line.xs], heights)
        title = f"<title>{escape(line.name)}</title>"
        drawn.append(f'<path class="line{mark}" d="{way}">{title}</path>')
        name = f" {escape(line.name)}" if len(series) > 1 else ""
        labels.append(
            f'<span class="end num{mark}" style="top:{end:.1f}%">{number(line.ys[-1])}{name}</span>'
        )
    told = "; ".join(
        f"{line.name} from {number(line.ys[0])} to {number(line.ys[-1])}" for line in series
    )
    shapes = f'{SVG}{ground()}{"".join(drawn)}</svg><span class="top num">{top:g}</span>'
    table = twin(
        f"{what} over tokens", ["tokens", *(line.name for line in series)], _sampled(series)
    )
    wide = " named" if len(series) > 1 else ""
    body = f'<div class="plot topped ended{wide}">{shapes}{"".join(labels)}</div>'
    foot = axis(["0", "tokens", tokens(right)], kind=f"ended{wide}")
    return figure(f"{what} over {tokens(right)} tokens: {told}", body + foot + table)


def histogram(
    counts: Sequence[int],
    *,
    edges: Sequence[str],
    ends: tuple[str, str],
    label: str,
    grid: Sequence[tuple[float, str]] = (),
    what: str = "tokens",
) -> str:
    """Draw counts as bars whose heights go with the logarithm of the count, so that one shows.

    Args:
        edges: Names of the bins, for the titles and the twin.
        grid: Places along the axis (0 to 1) that get a hairline and a name, instead of `ends`.
    """
    top = math.log1p(max([*counts, 1]))
    width = 100 / max(len(counts), 1)
    bars = "".join(
        f'<rect x="{i * width + 0.08 * width:.2f}" width="{0.84 * width:.2f}" '
        f'y="{100 - 100 * math.log1p(n) / top:.2f}" height="{100 * math.log1p(n) / top:.2f}">'
        f"<title>{escape(name)}: {n:,} {what}</title></rect>"
        for i, (n, name) in enumerate(zip(counts, edges, strict=True))
        if n
    )
    rules = "".join(f'<path class="rule" d="M{100 * x:.2f} 0V100"/>' for x, _ in grid if 0 < x < 1)
    names = "".join(
        f'<span class="num" style="left:{100 * x:.2f}%">{escape(name)}</span>' for x, name in grid
    )
    foot = f'<div class="axis placed">{names}</div>' if grid else axis(list(ends))
    table = twin(label, ["bin", what], [[e, f"{n:,}"] for e, n in zip(edges, counts, strict=True)])
    body = f'<div class="plot hist">{SVG}{rules}{bars}{ground()}</svg></div>'
    return figure(label, body + foot + table)


def bars(rows: Sequence[Bar], *, label: str, unit: str) -> str:
    """Draw bars from zero, each with its name before and its value behind."""
    top = max([row.high or row.value or 0.0 for row in rows] + [1e-9])
    drawn = []
    for row in rows:
        mark = " me" if row.is_marked else ""
        size = 100 * (row.value or 0.0) / top
        whisker = ""
        if row.low is not None and row.high is not None:
            whisker = f'<path d="M{100 * row.low / top:.2f} 50H{100 * row.high / top:.2f}"/>'
        drawn.append(
            f'<li class="bar{mark}" title="{escape(row.title)}"><span>{escape(row.name)}</span>'
            f'{SVG}<rect width="{max(size, 0):.2f}" height="100"/>{whisker}</svg>'
            f'<span class="num">{number(row.value)}</span></li>'
        )
    told = [[row.name, number(row.value), interval_of(row.low, row.high)] for row in rows]
    table = twin(label, ["", unit, "95 % interval"], told)
    return figure(label, f'<ul class="bars" aria-hidden="true">{"".join(drawn)}</ul>{table}')


def frontier(points: Sequence[Point], *, label: str) -> str:
    """Draw what is left unexplained against latents a token, with the intervals as whiskers."""
    spread = [math.log2(point.x) for point in points]
    left, right = min(spread) - 0.5, max(spread) + 0.5
    top = ceiling([point.high or point.y for point in points])
    drawn, labels = [], []
    for point in sorted(points, key=lambda p: p.is_marked):
        x = 100 * (math.log2(point.x) - left) / (right - left)
        y = 100 * (1 - point.y / top)
        mark = " me" if point.is_marked else ""
        if point.low is not None and point.high is not None:
            low, high = 100 * (1 - point.low / top), 100 * (1 - point.high / top)
            drawn.append(f'<path class="whisker{mark}" d="M{x:.2f} {low:.2f}V{high:.2f}"/>')
        title = f"<title>{escape(point.name)}: {number(point.y)} at {number(point.x)}</title>"
        # A line of no length with round ends is a dot that does not stretch with the box.
        drawn.append(f'<path class="dot{mark}" d="M{x:.2f} {y:.2f}h0">{title}</path>')
        side = "left" if x > 60 else "right"
        labels.append(
            f'<span class="at {side}{mark}" style="left:{x:.2f}%;top:{y:.2f}%">'
            f"{escape(point.name)}</span>"
        )
    shown = "".join(labels) if len(points) <= 12 else ""
    told = [[p.name, number(p.x), number(p.y), interval_of(p.low, p.high)] for p in points]
    table = twin(label, ["", "latents a token", "left unexplained", "95 % interval"], told)
    shapes = f'{SVG}{ground()}{"".join(drawn)}</svg><span class="top num">{top:g}</span>'
    foot = axis([f"{2**left:.2g}", "latents a token (log)", f"{2**right:.2g}"])
    return figure(label, f'<div class="plot topped tall">{shapes}{shown}</div>{foot}{table}')


def context(example: Example, *, largest: float) -> str:
    """Write a context as text, each piece highlighted as strongly as the latent fires on it."""
    spans = []
    for i, piece in enumerate(example.pieces):
        text = escape(piece.text if i else piece.text.lstrip(" "))
        if piece.act is None:
            spans.append(f'<span class="tok out" title="not measured: massive norm">{text}</span>')
        elif piece.act == 0:
            spans.append(f'<span class="tok">{text}</span>')
        else:
            tag = "mark" if piece.is_peak else "span"
            strength = min(1.0, abs(piece.act) / max(abs(largest), 1e-9))
            spans.append(
                f'<{tag} class="tok on" style="--a:{strength:.2f}" '
                f'title="{act(piece.act)}">{text}</{tag}>'
            )
    return (
        f'<li><span class="peak num" title="act at its peak">{act(example.act)}</span>'
        f'<p title="{escape(example.document)}">{"".join(spans)}</p></li>'
    )


def effects(up: Sequence[Effect], down: Sequence[Effect]) -> str:
    """Write the tokens a direction raises and lowers, with bars on one scale."""
    largest = max([abs(effect.logit) for effect in (*up, *down)] + [1e-9])

    def column(rows: Sequence[Effect], kind: str, label: str) -> str:
        items = "".join(
            f'<li><code title="{escape(row.token)}">{escape(row.token)}</code>'
            f'<i class="{kind}" style="--w:{abs(row.logit) / largest:.2f}"></i>'
            f'<span class="num">{f"{row.logit:+.2f}".replace("-", MINUS)}</span></li>'
            for row in rows
        )
        return f'<ul aria-label="{label}">{items}</ul>'

    raised, lowered = column(up, "up", "writes for"), column(down, "down", "writes against")
    return f'<div class="logits">{raised}{lowered}</div>'


def density_grid(low: float) -> list[tuple[float, str]]:
    """Return the decades of a density axis that begins at 10^`low` and ends at every token."""
    decades = range(math.ceil(low), 1)
    return [((d - low) / -low, f"{100 * 10.0**d:g} %") for d in decades]


def figure(label: str, body: str) -> str:
    """Return a figure that says what it shows."""
    return f'<figure aria-label="{escape(label)}">{body}</figure>'


def ground() -> str:
    """Draw the line that things stand on."""
    return '<path class="ground" d="M0 100H100"/>'


def axis(words: Sequence[str], *, kind: str = "") -> str:
    """Write words along the foot of a plot."""
    spans = "".join(f'<span class="num">{escape(word)}</span>' for word in words)
    return f'<div class="axis {kind}" aria-hidden="true">{spans}</div>'


def twin(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the table of a figure's numbers, for those who do not see it."""
    heads = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(c)}</td>' for c in row)}</tr>" for row in rows)
    return (
        f'<div class="twin"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _sampled(series: Sequence[Line]) -> list[list[str]]:
    """Return a dozen rows of the curves, by the longest one's tokens."""
    longest = max(series, key=lambda line: len(line.xs))
    steps = sorted({round(i * (len(longest.xs) - 1) / 11) for i in range(12)})
    return [
        [tokens(longest.xs[i]), *(number(_at(line, longest.xs[i])) for line in series)]
        for i in steps
    ]


def _at(line: Line, x: float) -> float:
    return min(zip(line.xs, line.ys, strict=True), key=lambda pair: abs(pair[0] - x))[1]


def path(xs: Sequence[float], ys: Sequence[float]) -> str:
    """Return the path through some points of the box."""
    points = [f"{x:.2f} {min(max(y, 0), 100):.2f}" for x, y in zip(xs, ys, strict=True)]
    return "M" + "L".join(points)


def ceiling(values: Sequence[float]) -> float:
    """Return a round number above all values but early outliers, to end an axis at."""
    ordered = sorted(v for v in values if math.isfinite(v))
    highest = ordered[-1] if ordered else 1.0
    if len(ordered) > 20:  # the first steps of a run may be off the scale
        highest = min(highest, 1.5 * ordered[int(0.9 * (len(ordered) - 1))])
    scale = 10.0 ** math.floor(math.log10(max(highest, 1e-9)))
    return next(
        s * scale
        for s in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12)
        if s * scale >= highest * 1.02
    )


def apart(places: Sequence[float]) -> list[float]:
    """Move labels down until none covers another."""
    moved = dict.fromkeys(range(len(places)), 0.0)
    last = -math.inf
    for i in sorted(moved, key=lambda i: places[i]):
        last = moved[i] = max(places[i], last + LABEL)
    return [moved[i] for i in range(len(places))]
