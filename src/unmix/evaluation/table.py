"""The table the command line prints: a dictionary beside its controls, or many by their numbers.

Nothing depends on colour: which way is better is a sign, and the intervals are written out.
"""

from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias, final

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from unmix.evaluation.result import Evaluation, Measured
from unmix.evaluation.score import Score
from unmix.evaluation.words import interval, value

Intervals: TypeAlias = Literal["column", "under", "nowhere"]
PLACES: tuple[Intervals, ...] = ("column", "under", "nowhere")
"""Where intervals may stand, from the clearest to the narrowest."""
SIGNS = {"higher": "↑", "lower": "↓", "neither": " "}
HEADLINES = ("FVU", "L0", "CE increase", "CE score, mean", "dead latents")
"""Scores shown for many dictionaries."""
REDUNDANT = "explained variance"
"""Left out here: 1 - FVU says the same."""


@final
class Fitting:
    """Draws the first of some tables that fits the terminal, else the last."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self.tables = tables

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        unbound = options.update(max_width=10_000)
        for table in self.tables:
            if Measurement.get(console, unbound, table).maximum <= options.max_width:
                break
        yield table


def table(evaluation: Evaluation) -> RenderableType:
    """Return what `console.print` draws."""
    if len(evaluation.dictionaries) > 1:
        forms = [many(evaluation.measured, names) for names in (HEADLINES, HEADLINES[:3])]
    else:
        first, others = evaluation.dictionaries[0], evaluation.controls
        forms = [beside(first, others, intervals=where) for where in PLACES]
    head = Padding(_heading(evaluation), (1, 0, 1, 0))
    return Group(head, Fitting(forms), Padding(_foot(evaluation), (1, 0)))


def _heading(evaluation: Evaluation) -> Text:
    counted = evaluation.counted
    site = evaluation.site
    if evaluation.target != site:
        site = f"{site} → {evaluation.target}"
    text = Text()
    text.append(f"{site} of {evaluation.model}", style="bold")
    if len(evaluation.dictionaries) == 1:
        text.append(f"\n{evaluation.dictionaries[0].name}")
    text.append(
        f"\n{counted.eligible:,} held-out tokens of {counted.documents:,} documents", style="dim"
    )
    return text


def beside(first: Measured, others: Sequence[Measured], *, intervals: Intervals) -> Table:
    """Put the scores in rows, a dictionary and what stands beside it in columns.

    Args:
        intervals: Where the dictionary's intervals go: a column, under its values, or nowhere.
    """
    grid = _grid()
    grid.add_column("", no_wrap=True)
    columns = [first, *others]
    for column in columns:
        name = "dictionary" if column is first else column.name
        grid.add_column(name, justify="right", no_wrap=True)
        if column is first and intervals == "column":
            grid.add_column("95 % interval", style="dim", no_wrap=True)
    for score in first.scores.values():
        if score.name == REDUNDANT:
            continue
        cells = [_cell(one.scores.get(score.name), strong=one is first) for one in columns]
        if intervals == "column":
            cells.insert(1, Text(interval(score)))
        elif intervals == "under":
            cells[0] = _both(first, score.name, strong=True)
        grid.add_row(Text(f"{SIGNS[score.better]} {score.name}"), *cells)
    return grid


def many(measured: Sequence[Measured], names: Sequence[str]) -> Table:
    """Put what was measured in rows, some of the scores in columns."""
    grid = _grid()
    grid.add_column("")
    for name in names:
        known = [one.scores[name] for one in measured if name in one.scores]
        sign = SIGNS[known[0].better] if known else ""
        grid.add_column(f"{sign} {name}".strip(), justify="right", no_wrap=True)
    for one in measured:
        strong = one.role == "dictionary"
        cells = [_both(one, name, strong=strong) for name in names]
        grid.add_row(Text(one.name, style="" if strong else "dim"), *cells)
    return grid


def _grid() -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, header_style="dim", padding=(0, 1, 0, 0))


def _cell(score: Score | None, *, strong: bool) -> Text:
    return Text(value(score), style="bold" if strong else "dim", justify="right")


def _both(one: Measured, name: str, *, strong: bool) -> Text:
    """Return a value with its interval under it."""
    score = one.scores.get(name)
    text = Text(value(score), style="bold" if strong else "dim", justify="right")
    if strong and interval(score):
        text.append(f"\n{interval(score)}", style="not bold dim")
    return text


def _foot(evaluation: Evaluation) -> Text:
    lines = ["↑ higher is better, ↓ lower; intervals: 95 %, bootstrap by document"]
    if evaluation.original is not None:
        lines.append(f"the unchanged model's CE is {value(evaluation.original)} nats a token")
    return Text("\n".join([*lines, *evaluation.notes]), style="dim")
