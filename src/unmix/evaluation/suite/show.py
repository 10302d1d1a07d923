"""The tables of a suite on the command line: a dictionary beside its baselines and controls."""

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from unmix.evaluation.result import Measured
from unmix.evaluation.suite.finding import Finding
from unmix.evaluation.suite.run import Suite
from unmix.evaluation.table import PLACES, Fitting, beside, many

SHOWN = 6
"""Scores of many dictionaries that have a column."""


def show(suite: Suite) -> RenderableType:
    """Return what `console.print` draws."""
    parts: list[RenderableType] = [_shown(finding) for finding in suite.findings]
    if suite.left:
        lines = [f"{one.title}: {one.why}" for one in suite.left]
        parts.append(Padding(Text("\n".join(["Not measured", *lines]), style="dim"), (0, 0, 1, 0)))
    return Group(*parts)


def split(finding: Finding) -> tuple[list[Measured], list[Measured]]:
    """Return the dictionaries of a finding, and what stands beside them."""
    dictionaries = [one for one in finding.measured if one.role == "dictionary"]
    return dictionaries, [one for one in finding.measured if one.role != "dictionary"]


def _shown(finding: Finding) -> RenderableType:
    dictionaries, others = split(finding)
    head = Text()
    head.append(finding.title, style="bold")
    head.append(f"\n{finding.asks}", style="dim")
    if len(dictionaries) == 1:
        tables = [beside(dictionaries[0], others, intervals=where) for where in PLACES]
    else:
        names = list(dict.fromkeys(name for one in finding.measured for name in one.scores))
        tables = [many(finding.measured, names[:count]) for count in range(SHOWN, 1, -1)]
    foot = Text("\n".join([*finding.notes, f"{finding.seconds:.0f} s"]), style="dim")
    return Group(head, Text(), Fitting(tables), Padding(foot, (0, 0, 1, 0)))
