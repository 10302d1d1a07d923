"""The same trade on a real model: the sweep of the claim `frontier`, or finished runs.

Nothing is put in its place where there is none: the record then says `not_run`.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from unmix.errors import UserError
from unmix.evaluation.claims import frontier, language, record
from unmix.evaluation.result import FILE, Evaluation, Measured
from unmix.evaluation.result import read as evaluation_of
from unmix.learn.schema import Real, RealPoint
from unmix.learn.told import State
from unmix.training.config import DictionaryConfig
from unmix.training.run import read_config

CLAIM, LATENTS = "frontier", 2304
"""Which claim sweeps over budgets on a real model, and the size of its dictionaries."""
EFFECT = 0.02
"""Least fall of FVU from the fewest latents a token to the most."""


def read(runs: Sequence[Path]) -> Real:
    """Return the dictionaries of some runs on one site of one model, each with its fidelity.

    Raises:
        UserError: The runs are not of one site of one model.
    """
    found = [(run, evaluation_of(run)) for run in runs if (run / FILE).exists()]
    if not found:
        return Real(state="not_run")
    first = found[0][1]
    if any((one.model, one.site) != (first.model, first.site) for _, one in found):
        raise UserError("the runs are of different models or sites; give those of one")
    points = [point for run, evaluation in found for point in _points(run, evaluation)]
    return Real(
        state="measured",
        model=first.model,
        site=first.site,
        tokens=first.counted.eligible,
        original_ce=None if first.original is None else first.original.value,
        points=sorted(points, key=lambda point: (point.kind, point.l0)),
    )


def of_claim(folder: Path) -> Real | None:
    """Return the dictionaries of the claim `frontier`, if its numbers are there and still good."""
    found = record.read(folder, CLAIM, is_real=True)
    if record.missing(found):
        return None
    points = [
        RealPoint(
            name=name,
            kind=name.rpartition("-k")[0],
            k=float(name.rpartition("-k")[2]),
            latents=LATENTS,
            seed=seed,
            l0=numbers[f"L0, {name}"],
            fvu=numbers[f"FVU, {name}"],
            fvu_low=None,
            fvu_high=None,
            ce=numbers[f"CE, {name}"],
            gamma=None,
        )
        for seed, numbers in sorted(found.items())
        for name in (f"{kind}-k{k:g}" for kind in frontier.KINDS for k in frontier.BUDGETS)
    ]
    return Real(
        state="measured",
        model="SmolLM2-135M",
        site="resid.12",
        tokens=language.SOURCE.held_out_tokens,
        original_ce=found[0]["CE, original"],
        points=sorted(points, key=lambda point: (point.kind, point.l0)),
    )


def _points(run: Path, evaluation: Evaluation) -> list[RealPoint]:
    """Return every dictionary of a run."""
    variants = read_config(run).variants()
    found = []
    for one in evaluation.dictionaries:
        if one.name in variants:
            found.append(_point(one, variants[one.name]))
    return found


def _point(one: Measured, config: DictionaryConfig) -> RealPoint:
    fvu, l0 = one.value("FVU"), one.value("L0")
    if fvu is None or l0 is None:
        raise UserError(f"`{one.name}` has no FVU or no L0; evaluate its run again")
    return RealPoint(
        name=one.name,
        kind=config.kind,
        k=config.k,
        latents=config.latents,
        seed=config.seed,
        l0=l0,
        fvu=fvu,
        fvu_low=one.scores["FVU"].low,
        fvu_high=one.scores["FVU"].high,
        ce=one.value("CE"),
        gamma=one.value("relative bias"),
    )


def trade(real: Real, expect: str) -> tuple[State, str]:
    """Say whether error falls as L0 rises, kind by kind, from the fewest latents to the most."""
    if real.state == "not_run":
        return "not_run", "no run on a real model was recorded"
    rows: dict[tuple[str, int], list[RealPoint]] = defaultdict(list)
    for point in real.points:
        rows[point.kind, point.seed].append(point)
    ends = {name: (row[0], row[-1]) for name, row in rows.items() if len(row) > 1}
    if not ends:
        return "not_run", "one dictionary is no frontier; a sweep over `k` or `weight` makes one"
    falls = all(first.fvu - last.fvu >= EFFECT for first, last in ends.values())
    told = "; ".join(
        f"{kind}: FVU {first.fvu:.3f} at L0 {first.l0:.1f}, {last.fvu:.3f} at {last.l0:.1f}"
        for (kind, _), (first, last) in ends.items()
    )
    found = "falls" if falls else "no_clear_change"
    return ("passed" if found == expect else "failed"), f"{real.model}, {real.site}: {told}"
