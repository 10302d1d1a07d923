"""What came of the claims, in a terminal and on a page of the documentation."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TypeAlias

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from unmix.disk import write_text
from unmix.errors import UserError
from unmix.evaluation.claims.claim import Claim, Numbers, Outcome, outcomes
from unmix.evaluation.claims.record import Made

BEGIN = '<!-- written by `make claims ARGS="--write docs/claims.md"`; do not edit below -->'
END = "<!-- end -->"
Row: TypeAlias = tuple[Claim, Mapping[int, Numbers], Made]


def show(claim: Claim, found: Mapping[int, Numbers], console: Console) -> bool:
    """Print a claim with its rules and numbers; return whether it holds."""
    made = _outcomes(claim, found)
    holds = all(outcome.holds for outcome in made)
    console.print()
    said = ("holds", "green") if holds else ("DOES NOT HOLD", "bold red")
    console.print(Text.assemble((claim.name, "bold"), "  ", said))
    console.print(Padding(Text(claim.says), (0, 0, 0, 2)))
    for one in made:
        sign = ("  ✓ ", "green") if one.holds else ("  × ", "bold red")
        told = (f"{one.rule.says}: {_range(one)}", f"  {one.rule.bound}")
        console.print(Text.assemble(sign, told[0], (told[1], "dim")))
    names = next(iter(found.values()))
    means = {name: fmean(row[name] for row in found.values()) for name in names}
    told = "; ".join(f"{name} {mean:.3g}" for name, mean in means.items())
    console.print(Padding(Text(f"means of {len(found)} seeds: {told}", "dim"), (0, 0, 0, 4)))
    return holds


def write_page(path: Path, rows: Sequence[Row]) -> None:
    """Write what came out into a page, in place of what is between its two marks."""
    page = path.read_text(encoding="utf-8")
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise UserError(f"`{path}` lacks the two lines between which claims are written: `{BEGIN}`")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    write_text(path, f"{before}{BEGIN}\n\n{tables(rows)}\n{END}{after}")


def tables(rows: Sequence[Row]) -> str:
    """Return what came out in Markdown: all claims, then each with its rules."""
    held = sum(_holds(claim, found) for claim, found, _ in rows)
    lines = [f"**{held} of {len(rows)} hold.**", ""]
    lines += ["| claim | what it says | came out |", "| --- | --- | --- |"]
    for claim, found, _ in rows:
        word = "holds" if _holds(claim, found) else "**does not hold**"
        lines.append(f"| [{claim.name}](#{claim.name}) | {claim.says} | {word} |")
    for row in rows:
        lines += ["", *_section(*row)]
    return "\n".join(lines) + "\n"


def _section(claim: Claim, found: Mapping[int, Numbers], made: Made) -> list[str]:
    """Return the lines of one claim."""
    where = ", ".join(f"[{name}](worlds/{name}.md)" for name in claim.worlds)
    by = f"{made.date}, commit {made.commit or 'unknown'}, {made.seconds:.0f} s of CPU time"
    lines = [f"### {claim.name}", "", f"{claim.says}.", ""]
    lines += [f"In: {where or 'a language model'}. Source: {claim.source}. Run: {by}.", ""]
    lines += ["| | asked for | came out, five seeds | |", "| --- | --- | --- | --- |"]
    for one in _outcomes(claim, found):
        sign = "✓" if one.holds else "×"
        lines.append(f"| {one.rule.says} | {one.rule.bound} | {_range(one)} | {sign} |")
    return lines


def _outcomes(claim: Claim, found: Mapping[int, Numbers]) -> list[Outcome]:
    return outcomes(claim, [found[seed] for seed in sorted(found)])


def _holds(claim: Claim, found: Mapping[int, Numbers]) -> bool:
    return all(one.holds for one in _outcomes(claim, found))


def _range(one: Outcome) -> str:
    return f"{min(one.margins):.3g} to {max(one.margins):.3g}"
