"""Tables of scores as HTML: values, intervals, and what each means under the pointer."""

from collections.abc import Sequence
from html import escape

from unmix.evaluation.explained import SAID, WAYS
from unmix.evaluation.result import Measured
from unmix.evaluation.score import Score
from unmix.evaluation.words import interval, value


def beside(first: Measured, others: Sequence[Measured]) -> str:
    """Return scores in rows, a dictionary and what stands beside it in columns."""
    head = _column_head(first) + '<th scope="col" class="aside">95 % interval</th>'
    head += "".join(_column_head(one) for one in others)
    rows = "".join(
        f"<tr{_group(score)}>{_row_head(score)}{_cell(first, score.name, between=True)}"
        '<td class="num between aside">'
        f"{interval(score)}</td>{''.join(_cell(one, score.name) for one in others)}</tr>"
        for score in first.scores.values()
    )
    return _table(head, rows, kind=" one")


def many(measured: Sequence[Measured], wanted: Sequence[str]) -> str:
    """Return what was measured in rows, some of the scores in columns."""
    known = {name: score for one in measured for name, score in one.scores.items()}
    names = [name for name in wanted if name in known]
    head = "".join(
        f'<th scope="col"><abbr title="{escape(tooltip(known[name]))}">{escape(name)}</abbr> '
        f"{WAYS[known[name].better]}</th>"
        for name in names
    )
    rows = "".join(
        f'<tr><th scope="row" title="{escape(one.about)}">{escape(one.name)}</th>'
        f"{''.join(_cell(one, name, between=True) for name in names)}</tr>"
        for one in measured
    )
    return _table(head, rows)


def _table(head: str, rows: str, *, kind: str = "") -> str:
    return (
        f'<table class="scores{kind}"><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _column_head(one: Measured) -> str:
    mark = ' class="me"' if one.role == "dictionary" else ""
    name = "dictionary" if one.role == "dictionary" else one.name
    return (
        f'<th scope="col"{mark}><abbr title="{escape(f"{one.name}: {one.about}")}">'
        f"{escape(name)}</abbr></th>"
    )


def _group(score: Score) -> str:
    """Set the first score of each kind apart."""
    return ' class="first"' if score.name in ("CE", "dead latents") else ""


def _row_head(score: Score) -> str:
    return (
        f'<th scope="row"><span class="way" title="{SAID[score.better]}">'
        f"{WAYS[score.better]}</span>"
        f'<abbr title="{escape(tooltip(score))}">{escape(score.name)}</abbr></th>'
    )


def _cell(one: Measured, name: str, *, between: bool = False) -> str:
    """Return a value; its interval under it, or in its title."""
    score = one.scores.get(name)
    mark = "num me" if one.role == "dictionary" else "num"
    said = interval(score)
    under = f'<span class="between">{said}</span>' if between and said else ""
    title = f' title="95 %: {said}"' if said and not between else ""
    return f'<td class="{mark}"{title}>{value(score)}{under}</td>'


def tooltip(score: Score) -> str:
    """Return what a score means, for the pointer."""
    return f"{score.name}: {score.definition} ({SAID[score.better]})"
