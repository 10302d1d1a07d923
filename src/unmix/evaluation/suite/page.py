"""What a suite found, as a section of the report."""

from collections.abc import Sequence
from html import escape

from unmix.evaluation import cells
from unmix.evaluation.explained import definition, marked
from unmix.evaluation.result import Measured
from unmix.evaluation.suite.finding import Figure, Finding
from unmix.evaluation.suite.plot import plot
from unmix.evaluation.suite.run import Left
from unmix.evaluation.suite.show import split
from unmix.evaluation.words import sentence


def sections(findings: Sequence[Finding], left: Sequence[Left]) -> str:
    """Return a section for every finding, and one line for each metric that was left."""
    known = {one.title for one in findings}
    rest = [one for one in left if one.title not in known]
    head = (
        '<section class="wide" id="suite"><h2>More questions <span>· beside controls, whose '
        "95 % intervals are under the pointer</span></h2></section>"
    )
    made = [*map(_section, findings), _left(rest)]
    return "".join([head, *made]) if any(made) else ""


def _section(finding: Finding) -> str:
    dictionaries, others = split(finding)
    names = list(dict.fromkeys(name for one in finding.measured for name in one.scores))
    if len(dictionaries) == 1:
        table = cells.beside(dictionaries[0], others)
    else:
        table = cells.many(finding.measured, names)
    figures = "".join(
        f"<section><h2>{escape(figure.title)}</h2>{plot(called(figure, dictionaries))}"
        f'<p class="note">{marked(sentence(figure.about))}</p></section>'
        for figure in finding.figures
    )
    notes = "".join(f'<p class="note">{marked(sentence(note))}</p>' for note in finding.notes)
    kept = ", ".join(f"<code>{escape(file)}</code>" for file in finding.kept)
    files = f'<p class="note">What it was made from: {kept}.</p>' if kept else ""
    aside = f'<div class="stack">{figures}</div>' if figures else "<div></div>"
    return (
        f'<section id="{escape(finding.name)}"><h3>{escape(finding.title)}</h3>'
        f'<p class="asks">{escape(finding.asks)}</p>'
        f'<div class="scroll" role="region" aria-label="{escape(finding.title)}" tabindex="0">'
        f"{table}</div>{notes}{files}{_definitions(finding)}</section>{aside}"
    )


def called(figure: Figure, dictionaries: Sequence[Measured]) -> Figure:
    """Name a dictionary that is alone by what it is, as its table does."""
    if len(dictionaries) != 1:
        return figure
    curves = [
        curve._replace(name="dictionary") if curve.name == dictionaries[0].name else curve
        for curve in figure.curves
    ]
    return figure._replace(curves=curves)


def _definitions(finding: Finding) -> str:
    """Return what each number and each row means, folded."""
    known = {name: score for one in finding.measured for name, score in one.scores.items()}
    facts = [(name, definition(score)) for name, score in known.items()]
    facts += [(one.name, f"{sentence(one.about)}.") for one in finding.measured if one.about]
    settings = ", ".join(f"{name} {value}" for name, value in finding.settings.items())
    facts.append(("settings", f"{settings}; {finding.seconds:.0f} s."))
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts)
    return f'<details><summary>What it means</summary><dl class="facts">{rows}</dl></details>'


def _left(left: Sequence[Left]) -> str:
    if not left:
        return ""
    rows = "".join(
        f"<dt>{escape(one.title)}</dt><dd>{marked(sentence(one.why))}.</dd>" for one in left
    )
    return (
        '<section class="wide" id="left"><h2>What was not measured</h2>'
        f'<dl class="facts">{rows}</dl></section>'
    )
