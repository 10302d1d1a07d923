"""The results as a page of Markdown."""

import os
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import paired
import torch
from plan import PEERS, Settings

from unmix.disk import write_text

Result: TypeAlias = dict[str, Any]
KINDS = {"topk": "TopK", "batch-topk": "BatchTopK"}
LIBRARIES = ("unmix", *PEERS)
HEAD = """| {first} | library | seeds | FVU ↓ | by document | L0 | CE ↓ | CE score ↑ | by document |
|---|---|---|---|---|---|---|---|---|"""


def write_table(path: Path, settings: Settings, results: list[Result], about: Result) -> None:
    """Write the page."""
    rows = Rows(results)
    parts = [
        "# Quality against other libraries",
        f"{time.strftime('%Y-%m-%d')}, `python benchmarks/quality/run.py --steps {settings.steps}` "
        "(`benchmarks/README.md` says what is done).",
        _settings(settings, results, about),
        "## Default recipes",
        "Every number as the library sets it. BatchTopK keeps `k` latents a token over a held-out "
        f"batch here, as in training, so that L0 is the same for all. {_how(settings)}",
        rows.table("dictionary", [(kind, "default", None) for kind in KINDS]),
        "## BatchTopK with the threshold each library saves",
        "What a user gets who loads the file: one fixed threshold, remembered in training. "
        "FVU at unequal L0 does not compare.",
        rows.table("dictionary", [("batch-topk", "default", "saved")]),
        "## What the recipe alone is worth",
        "One seed. Default rates and warm-ups are meant for longer runs than this one, so here "
        "each peer's rate is multiplied by the factor unmix uses for short runs "
        f"(`min(15, sqrt(100,000 / steps))` = {settings.factor:g}), with a warm-up over 5 % of the "
        "steps and a linear decay over the last 20 %. *scaled*: its own option to scale inputs is "
        "on too. *adam*: sparsify with Adam in place of signum. *plain*: unmix without the factor.",
        rows.table("recipe", [(k, r, None) for k in KINDS for r in ONCE], first_seed=True),
        "## In short",
        *_verdicts(rows),
        _notes(results, settings),
    ]
    write_text(path, "\n\n".join(part for part in parts if part) + "\n")


ONCE = ("default", "plain", "adapted", "adam", "scaled")
"""Recipes in the table of one seed."""


class Rows:
    """Results by what they are results of."""

    def __init__(self, results: Iterable[Result]) -> None:
        self.found: dict[tuple[str, str, str], list[Result]] = defaultdict(list)
        for result in results:
            self.found[result["kind"], result["recipe"], result["library"]].append(result)

    def readings(self, kind: str, recipe: str, library: str, name: str | None) -> list[Result]:
        """Return the numbers of each seed, in the reading with `k` latents if none is named."""
        found = sorted(self.found[kind, recipe, library], key=lambda r: r["seed"])
        name = name or ("batch" if kind == "batch-topk" else "saved")
        return [result["readings"][name] for result in found]

    def table(
        self,
        first: str,
        wanted: Sequence[tuple[str, str, str | None]],
        *,
        first_seed: bool = False,
    ) -> str:
        """Return a table with a row for each kind, recipe and library that there is."""
        lines = [HEAD.format(first=first)]
        for kind, recipe, name in wanted:
            for library in LIBRARIES:
                readings = self.readings(kind, recipe, library, name)
                if first_seed and recipe == "default" and library != "unmix":
                    continue
                if readings:
                    label = f"{KINDS[kind]}, {recipe}" if first == "recipe" else KINDS[kind]
                    lines.append(_row(label, library, readings[:1] if first_seed else readings))
        return "\n".join(lines)


def _row(label: str, library: str, readings: list[Result]) -> str:
    """Return a line: mean and range over the seeds, interval by document of the first."""
    cells = [label, f"**{library}**" if library == "unmix" else library, str(len(readings))]
    for name, digits in (("fvu", 4), ("l0", 1), ("ce", 3), ("ce_score", 4)):
        cells.append(_spread([reading[name][0] for reading in readings], digits))
        if name in ("fvu", "ce_score"):
            _, low, high = readings[0][name]
            cells.append(f"{low:.3f} to {high:.3f}")
    return f"| {' | '.join(cells)} |"


def _spread(values: list[float], digits: int) -> str:
    """Return the mean, and the range if it is one of several."""
    mean = sum(values) / len(values)
    if len(values) == 1:
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def _how(settings: Settings) -> str:
    """Say how to read a cell."""
    return (
        f"A cell is the mean over the seeds (of {settings.seeds}) and, in brackets, their range; "
        "`by document` is the 95 % bootstrap interval over held-out documents for the first seed."
    )


def _settings(settings: Settings, results: list[Result], about: Result) -> str:
    """Say what was run on what."""
    versions = {result["library"]: result["version"] for result in results}
    named = ", ".join(f"{name} {versions[name]}" for name in LIBRARIES if name in versions)
    ce = results[0]["readings"]["saved"]["ce sums"]
    of = {end: sum(ce[f"ce {end}"]) / sum(ce["n"]) for end in ("original", "mean", "zero")}
    tokens = settings.steps * settings.batch
    return "\n".join(
        [
            f"* **Versions:** {named}; torch {torch.__version__}, "
            f"Python {platform.python_version()}.",
            f"* **Hardware:** {_processor()}, {os.cpu_count()} cores, "
            f"{settings.jobs} trainings at a time.",
            f"* **Activations:** `{about['site']}` of the demo's store `{about['store']}`: "
            f"{about['train']:,} rows to train on, {about['held_out']:,} held-out rows of "
            f"{about['documents']} documents.",
            f"* **Training:** m = {settings.latents}, k = {settings.k}, {settings.steps} steps of "
            f"{settings.batch} rows = {tokens:,} rows ({tokens / about['train']:.2f} passes), the "
            "same rows in the same order for every library with the same seed.",
            f"* **Splicing:** {sum(ce['n']):,.0f} held-out positions; CE {of['original']:.3f} for "
            f"the model, {of['mean']:.3f} with mean ablation, {of['zero']:.3f} with zero ablation. "
            "The score is against mean ablation.",
        ]
    )


def _verdicts(rows: Rows) -> list[str]:
    """Say for every comparison who is better and by how much, on the same documents."""
    lines = [
        "Differences are unmix less the peer, seeds averaged, with the 95 % interval over the "
        "same held-out documents. Negative FVU and positive CE score favour unmix."
    ]
    tried, lost = 0, []
    table = ["| dictionary | peer | FVU | CE score | |", "|---|---|---|---|---|"]
    for kind in KINDS:
        for recipe in ("default", "adapted", "adam", "scaled"):
            for library in PEERS:
                theirs = rows.readings(kind, recipe, library, None)
                ours = rows.readings(kind, "default", "unmix", None)[: len(theirs)]
                if theirs:
                    fvu, ce = paired.fvu(ours, theirs), paired.ce_score(ours, theirs)
                    cells = [KINDS[kind], f"{library}, {recipe}", _signed(fvu), _signed(ce)]
                    table.append(f"| {' | '.join([*cells, _who(fvu, ce)])} |")
                    tried += 1
                    lost += [
                        f"{name} to {library} ({KINDS[kind]}, {recipe})"
                        for name, worse in (("FVU", fvu.value > 0), ("CE score", ce.value < 0))
                        if worse
                    ]
    end = f"In none of the {tried} comparisons is a peer ahead in either number."
    if lost:
        end = (
            f"Of {tried} comparisons with two numbers each, unmix is behind in: {'; '.join(lost)}."
        )
    return [*lines, "\n".join(table), end]


def _signed(d: paired.Difference) -> str:
    return f"{d.value:+.4f} ({d.low:+.4f} to {d.high:+.4f})"


def _who(fvu: paired.Difference, ce: paired.Difference) -> str:
    """Say who is better, where the interval excludes zero."""
    said = []
    for name, better, worse in (
        ("FVU", fvu.high < 0, fvu.low > 0),
        ("CE", ce.low > 0, ce.high < 0),
    ):
        said.append(
            f"{name}: {'unmix' if better else '**the peer**' if worse else 'no difference'}"
        )
    return ", ".join(said)


def _notes(results: list[Result], settings: Settings) -> str:
    """Say what a reader may stumble over."""
    rates = {
        (r["library"], r["recipe"]): f"{r['library']} {r['recipe']} {r['lr']:.2e}" for r in results
    }
    spent = defaultdict(list)
    for r in results:
        spent[r["library"], r["kind"]].append(r["seconds"])
    seconds = ", ".join(
        f"{library} {KINDS[kind]} {sum(s) / len(s):.0f}" for (library, kind), s in spent.items()
    )
    lines = [
        f"* Highest learning rates: {', '.join(rates.values())}.",
        f"* Seconds of training, {settings.jobs} at a time, so no measure of speed: {seconds}.",
    ]
    short = {f"{r['library']} {KINDS[r['kind']]}" for r in results if r["recipe"] == "default"} - {
        f"{r['library']} {KINDS[r['kind']]}" for r in results if r["seed"] == settings.seeds - 1
    }
    if short:
        lines.append(
            f"* **Not complete:** fewer than {settings.seeds} seeds of {', '.join(sorted(short))}; "
            "recipes that are missing from the tables were not run."
        )
    if settings.steps <= 1000:
        lines.append(
            "* dictionary_learning refuses a run shorter than its default warm-up of 1,000 steps; "
            "its default rows warm up until the end of the run. It remembers no threshold before "
            "step 1,000, so its default BatchTopK, as saved, keeps every positive latent."
        )
    return "\n".join(lines)


def _processor() -> str:
    """Return what the processor calls itself."""
    info = Path("/proc/cpuinfo")
    if sys.platform == "linux" and info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
