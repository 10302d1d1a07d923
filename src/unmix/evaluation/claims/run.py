"""Run the claims that are stale, and say which hold.

    python -m unmix.evaluation.claims.run [--folder runs/claims] [CLAIM ...]

The last line counts those that hold; the exit status is 0 whatever it says: a claim that does not
come out is a finding.
"""

import argparse
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean

import torch
from rich.console import Console

from unmix.errors import UserError
from unmix.evaluation.claims import record
from unmix.evaluation.claims.claim import Claim, Numbers, outcomes

NAMES = (
    *("shrinkage", "bias", "larger_k", "small_l0", "absorption", "from_truth", "matryoshka"),
    *("hedging", "width", "dead", "controls", "seeds", "read_more", "toy"),
)
"""Every claim; each is a file of this folder."""


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("claims", nargs="*", help="names of claims; all of them by default")
    parser.add_argument("--folder", type=Path, default=Path("runs/claims"))
    asked = parser.parse_args()
    console = Console()
    names = asked.claims or NAMES
    found = run(names, asked.folder, report=lambda text: console.print(text, style="dim"))
    held = [show(load(name), found[name], console) for name in names]
    console.print(f"{sum(held)} of {len(held)} claims hold")


def run(
    names: Sequence[str], folder: Path, *, report: object = None
) -> dict[str, dict[int, Numbers]]:
    """Return the numbers of claims by seed, running those that are not recorded or stale."""
    tell = report if callable(report) else lambda _: None
    for name in names:
        load(name)
    keys = {name: record.key_of(name) for name in names}
    found = {name: record.read(folder, name) for name in names}
    jobs = [(name, seed) for name in names for seed in record.missing(found[name])]
    spent = dict.fromkeys(names, 0.0)
    if not jobs:
        return found
    workers = min(len(jobs), os.cpu_count() or 1)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(one, *job): job for job in jobs}
        for number, done in enumerate(as_completed(waiting), 1):
            name, seed = waiting[done]
            found[name][seed], seconds = done.result()
            spent[name] += seconds
            kept = {"key": keys[name], "seconds": round(spent[name], 1)}
            record.write(folder, name, found[name], **kept)
            tell(f"{number} of {len(jobs)}: {name}, seed {seed}, {seconds:.0f} s")
    return found


def one(name: str, seed: int) -> tuple[Numbers, float]:
    """Run one seed of a claim, on one thread."""
    torch.set_num_threads(1)
    start = time.perf_counter()
    return load(name).numbers(seed), time.perf_counter() - start


def load(name: str) -> Claim:
    """Return a claim by its name."""
    if name not in NAMES:
        raise UserError(f"there is no claim `{name}`; there are {', '.join(NAMES)}")
    return import_module(f"unmix.evaluation.claims.{name}").CLAIM


def show(claim: Claim, found: dict[int, Numbers], console: Console) -> bool:
    """Print a claim with its rules and numbers; return whether it holds."""
    made = outcomes(claim, [found[seed] for seed in sorted(found)])
    holds = all(outcome.holds for outcome in made)
    console.print(f"\n[bold]{'holds' if holds else 'DOES NOT HOLD'}[/bold]  {claim.says}")
    for rule, margins in made:
        sign = " " if all(m >= rule.least for m in margins) else "×"
        told = f"  {sign} {rule.says}: {min(margins):.3g} to {max(margins):.3g}"
        console.print(f"{told}, at least {rule.least:g} asked for")
    names = next(iter(found.values()))
    means = {name: fmean(row[name] for row in found.values()) for name in names}
    told = "; ".join(f"{name} {mean:.3g}" for name, mean in means.items())
    console.print(f"    mean over {len(found)} seeds: {told}", style="dim")
    return holds


if __name__ == "__main__":
    main()
