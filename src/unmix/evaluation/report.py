"""One HTML page that shows how good the dictionaries of a run are: no network, no script.

Everything is in the page: the stylesheet, the figures (`marks.py`), the numbers, the words.  A
content policy in its head forbids it to load anything, and all text from tokens, files and models
is escaped.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files

from unmix.evaluation import cells, marks
from unmix.evaluation.cells import tooltip
from unmix.evaluation.examples import Portrait
from unmix.evaluation.explained import definitions, marked, provenance, reading
from unmix.evaluation.result import Evaluation, Measured
from unmix.evaluation.score import Score
from unmix.evaluation.words import act, number, share

HEADLINES = (
    ("left unexplained", "FVU"),
    ("latents a token", "L0"),
    ("loss kept", "CE score, mean"),
    ("never fired", "dead latents"),
)
"""Words for the reader, and the score behind them."""
SHARES = ("FVU", "CE score, mean")
"""Scores shown as percentages at the head of the page."""
COMPARED = ("FVU", "L0", "CE increase", "KL", "CE score, mean", "dead latents")
"""Scores in the table of many dictionaries."""
FIRST = 5
"""Contexts of a latent shown at once; the others unfold."""
CURVES = 6
"""Curves in one figure; with more dictionaries the first ones are drawn."""

Curves = Mapping[str, Sequence[Mapping[str, float]]]
"""Rows of `metrics.jsonl` by dictionary, each with `tokens`, `fvu` and `l0`."""


def page(
    evaluation: Evaluation, *, curves: Curves, portraits: Sequence[Portrait], more: str = ""
) -> str:
    """Return the whole report; `more` are sections that come before the latents."""
    sections = [
        _title(evaluation),
        f'<div class="stack">{_scores(evaluation)}{_losses(evaluation)}</div>',
        f'<div class="stack">{_curves(evaluation, curves)}{_densities(evaluation)}</div>',
        more,
        _latents(evaluation, portraits),
        reading(evaluation),
        definitions(evaluation),
        provenance(evaluation),
    ]
    style = files("unmix.evaluation").joinpath("report.css").read_text(encoding="utf-8")
    title = escape(f"{evaluation.run} · unmix")
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{title}</title>\n<style>\n{style}</style></head>\n<body>"
        f"{_header(evaluation, portraits, has_suite=bool(more))}\n"
        f"<main>\n{''.join(sections)}</main></body></html>\n"
    )


def _header(evaluation: Evaluation, portraits: Sequence[Portrait], *, has_suite: bool) -> str:
    places = [("numbers", "numbers")]
    places += [("suite", "more questions")] if has_suite else []
    places += [("latents", "latents")] if portraits else []
    places += [
        ("reading", "how to read this"),
        ("definitions", "definitions"),
        ("origin", "origin"),
    ]
    links = "".join(f'<a href="#{target}">{word}</a>' for target, word in places)
    return (
        f'<header><b>unmix</b><nav aria-label="sections">{links}</nav>'
        f'<span class="run">{escape(evaluation.run)}</span></header>'
    )


def _title(evaluation: Evaluation) -> str:
    counted, first = evaluation.counted, evaluation.dictionaries[0]
    what = f"<code>{escape(first.name)}</code>, a dictionary of {first.n_latents or 0:,} latents"
    if len(evaluation.dictionaries) > 1:
        what = f"{len(evaluation.dictionaries)} dictionaries; the first, {what}"
    numbers = "".join(_headline(words, first.scores.get(name)) for words, name in HEADLINES)
    return (
        f'<section class="title"><h1>{_site(evaluation)} of {escape(evaluation.model)}</h1>'
        f'<p class="lead">{what} <span class="quiet">· measured on {counted.eligible:,} tokens '
        f"of {counted.documents:,} documents kept out of training</span></p>"
        f'<dl class="numbers">{numbers}</dl></section>'
    )


def _site(evaluation: Evaluation) -> str:
    if evaluation.site == evaluation.target:
        return escape(evaluation.site)
    return f"{escape(evaluation.site)} → {escape(evaluation.target)}"


def _headline(words: str, score: Score | None) -> str:
    if score is None:
        return ""
    write = share if score.name in SHARES or score.unit == "share of latents" else number
    between = ""
    if score.low is not None and score.high is not None:
        between = f"{write(score.low)} to {write(score.high)}"
    return (
        f'<div><dt><abbr title="{escape(tooltip(score))}">{escape(words)}</abbr></dt>'
        f'<dd class="num">{write(score.value)}<span class="between">{between}</span></dd></div>'
    )


def _scores(evaluation: Evaluation) -> str:
    """Return the table: one dictionary beside its controls, or many by their headline scores."""
    many = len(evaluation.dictionaries) > 1
    first, others = evaluation.dictionaries[0], evaluation.controls
    table = cells.many(evaluation.measured, COMPARED) if many else cells.beside(first, others)
    notes = "".join(f'<p class="note">{marked(note)}</p>' for note in evaluation.notes)
    where = "" if many else ", those of the controls under the pointer"
    return (
        '<section id="numbers"><h2>How good it is, beside what asks for less '
        f"<span>· 95 % intervals by document{where}</span></h2>"
        f'<div class="scroll" role="region" aria-label="scores" tabindex="0">{table}</div>'
        f"{notes}</section>"
    )


def _losses(evaluation: Evaluation) -> str:
    """Return the bars of cross-entropy, and the frontier where there is one to see."""
    parts = []
    if len(evaluation.dictionaries) > 1:
        parts.append(_frontier(evaluation))
    if evaluation.original is not None:
        rows = [_bar("unchanged", evaluation.original, about="nothing replaced")]
        rows += [
            _bar(
                _called(one, evaluation),
                one.scores["CE"],
                about=one.about,
                is_marked=one.role == "dictionary",
            )
            for one in evaluation.measured
            if "CE" in one.scores
        ]
        label = "Cross-entropy of the next token with each in the activation's place, in nats"
        parts.append(
            "<section><h2>What the model loses with it in place "
            "<span>· error in predicting the next token, nats; shorter is better</span></h2>"
            f"{marks.bars(rows, label=label, unit='nats a token')}"
            f'<p class="note">{evaluation.positions:,} predictions. Special tokens and tokens of '
            "massive norm are left as they are in every row.</p></section>"
        )
    return "".join(parts)


def _called(one: Measured, evaluation: Evaluation) -> str:
    """Name a dictionary that is alone by what it is."""
    alone = len(evaluation.dictionaries) == 1 and one.role == "dictionary"
    return "dictionary" if alone else one.name


def _bar(name: str, score: Score, *, about: str, is_marked: bool = False) -> marks.Bar:
    return marks.Bar(name, score.value, score.low, score.high, is_marked, f"{name}: {about}")


def _frontier(evaluation: Evaluation) -> str:
    points = []
    for one in evaluation.measured:
        x, score = one.value("L0"), one.scores.get("FVU")
        if x and score is not None and score.value is not None and one.role != "ablation":
            is_ours = one.role == "dictionary"
            points.append(marks.Point(one.name, x, score.value, score.low, score.high, is_ours))
    label = "Share left unexplained (FVU) against latents a token (L0)"
    return (
        "<section><h2>What more latents a token buy <span>· share left unexplained against latents "
        f"a token; lower left is better</span></h2>{marks.frontier(points, label=label)}</section>"
        if points
        else ""
    )


def _curves(evaluation: Evaluation, curves: Curves) -> str:
    """Return what was left unexplained, and latents a token, over the tokens of training."""
    dictionaries = [one.name for one in evaluation.dictionaries]
    shown = [name for name in dictionaries if name in curves][: CURVES - 1]
    shown += [name for name in ("frozen",) if name in curves]
    alone = _called(evaluation.dictionaries[0], evaluation)
    parts = []
    for key, words in (("fvu", "Left unexplained"), ("l0", "Latents a token")):
        series = [
            _line(alone if name == dictionaries[0] else name, curves[name], key) for name in shown
        ]
        series = [line._replace(is_marked=line.name != "frozen") for line in series]
        parts.append(
            f"<section><h2>{words}, while training</h2>"
            f"{marks.lines(series, what=words.lower())}</section>"
        )
    return "".join(parts) if shown else ""


def _line(name: str, rows: Sequence[Mapping[str, float]], key: str) -> marks.Line:
    known = [row for row in rows if row.get(key) is not None and math.isfinite(row[key])]
    xs, ys = [float(row["tokens"]) for row in known], [float(row[key]) for row in known]
    return marks.Line(name, xs, ys, is_marked=False)


def _densities(evaluation: Evaluation) -> str:
    """Return how often the latents of the first dictionary fire."""
    one = evaluation.dictionaries[0]
    if one.density is None:
        return ""
    density = one.density
    names = [
        f"{share(10**low)} to {share(10**high)} of tokens"
        for low, high in zip(density.edges, density.edges[1:], strict=False)
    ]
    drawn = marks.histogram(
        density.counts,
        edges=names,
        ends=("", ""),
        grid=marks.density_grid(density.edges[0]),
        what="latents",
        label=f"Latents of {one.name} by the share of tokens on which they fire",
    )
    return (
        "<section><h2>How often latents fire <span>· latents (log) by share of tokens (log)</span>"
        f'</h2>{drawn}<p class="note">{density.dead:,} of {one.n_latents or 0:,} latents never '
        f"fired on these {density.n:,} tokens and are in no bar.</p></section>"
    )


def _latents(evaluation: Evaluation, portraits: Sequence[Portrait]) -> str:
    if not portraits:
        return ""
    name = escape(evaluation.dictionaries[0].name)
    of = f" of <code>{name}</code>" if len(evaluation.dictionaries) > 1 else ""
    count = {10: "Ten"}.get(len(portraits), str(len(portraits)))
    return (
        f'<section class="wide" id="latents"><h2>{count} latents{of}, drawn at random '
        "<span>· among those that fired on held-out text; nobody picked them</span></h2>"
        f"{''.join(_portrait(portrait) for portrait in portraits)}</section>"
    )


def _portrait(portrait: Portrait) -> str:
    items = [marks.context(example, largest=portrait.largest) for example in portrait.examples]
    more = ""
    if len(items) > FIRST:
        rest = "".join(items[FIRST:])
        more = (
            f"<details><summary>{len(items) - FIRST} more</summary>"
            f'<ol class="examples">{rest}</ol></details>'
        )
    low, high = portrait.edges
    step = (high - low) / max(len(portrait.counts), 1)
    strong = marks.histogram(
        portrait.counts,
        edges=[
            f"{act(low + i * step)} to {act(low + (i + 1) * step)}"
            for i in range(len(portrait.counts))
        ],
        ends=(act(low) if low else "0", act(high)),
        label=f"Tokens by how strongly latent {portrait.latent} fires on them, log counts",
    )
    writes = ""
    if portrait.up:
        title = "effect of one unit of act on the next token's logit, direct path only"
        writes = (
            f'<section><h2 title="{title}">What it writes</h2>'
            f"{marks.effects(portrait.up, portrait.down)}</section>"
        )
    return (
        f'<article class="latent"><div><h3>Latent {portrait.latent:,} <span class="num">fires on '
        f"{share(portrait.density)} of tokens ({portrait.n_fired:,}), at most "
        f'{act(portrait.largest)}</span></h3><ol class="examples">{"".join(items[:FIRST])}</ol>'
        f"{more}</div><aside><section><h2>How strongly</h2>{strong}</section>{writes}</aside>"
        "</article>"
    )
