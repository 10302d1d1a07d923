"""Run the claims that are stale, and say which hold.

    python -m unmix.evaluation.claims.run [--folder runs/claims] [--jobs 2] [CLAIM ...]

The last line counts those that hold; the exit status is 0 whatever it says: a claim that does not
come out is a finding.  `--write docs/claims.md` also writes what came out into that page.
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

import torch
from rich.console import Console

from unmix.errors import UserError
from unmix.evaluation.claims import language, record
from unmix.evaluation.claims.claim import Claim, Numbers
from unmix.evaluation.claims.show import show, write_page

NAMES = (
    *("shrinkage", "bias", "variable", "larger_k", "small_l0", "absorption", "from_truth"),
    *("matryoshka", "hedging", "width", "dead", "controls", "seeds", "identities"),
    *("disconnect", "toy", "read_more", "multi", "random_model", "frontier"),
)
"""Every claim; each is a file of this folder."""


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("claims", nargs="*", help="names of claims; all of them by default")
    parser.add_argument("--folder", type=Path, default=Path("runs/claims"), help="what is kept")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at a time")
    parser.add_argument("--write", type=Path, help="page whose tables are written anew")
    asked = parser.parse_args()
    console = Console()
    names = asked.claims or NAMES
    if asked.jobs < 1:
        raise UserError(f"`--jobs` is {asked.jobs}; give 1 or more")
    if asked.write and set(names) != set(NAMES):
        raise UserError("`--write` writes what came of all claims; leave out their names")

    def tell(text: str) -> None:
        console.print(text, style="dim", highlight=False)

    found = run(names, asked.folder, jobs=asked.jobs, report=tell)
    held = [show(load(name), found[name], console) for name in names]
    if asked.write:
        rows = [(load(name), found[name], record.made(asked.folder, name)) for name in names]
        write_page(asked.write, rows)
    console.print(f"\n{sum(held)} of {len(held)} claims hold", highlight=False)


def run(
    names: Sequence[str],
    folder: Path,
    *,
    jobs: int | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> dict[str, dict[int, Numbers]]:
    """Return the numbers of claims by seed, running those that are not recorded or stale."""
    real = {name: load(name).is_real for name in names}
    keys = {name: record.key_of(name, is_real=real[name]) for name in names}
    found = {name: record.read(folder, name, is_real=real[name]) for name in names}
    todo = [(name, seed) for name in names for seed in record.missing(found[name])]
    if not todo:
        return found
    if any(real[name] for name, _ in todo):
        language.harvested(folder, report=report)
    spent = {name: record.made(folder, name).seconds if found[name] else 0.0 for name in names}
    workers = min(len(todo), jobs or os.cpu_count() or 1)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(one, *job, folder): job for job in todo}
        for number, done in enumerate(as_completed(waiting), 1):
            name, seed = waiting[done]
            found[name][seed], seconds = done.result()
            spent[name] = round(spent[name] + seconds, 1)
            record.write(folder, name, found[name], key=keys[name], seconds=spent[name])
            report(f"{number} of {len(todo)}: {name}, seed {seed}, {seconds:.0f} s")
    return found


def one(name: str, seed: int, folder: Path) -> tuple[Numbers, float]:
    """Run one seed of a claim, on one thread; return its numbers and its seconds of CPU time."""
    torch.set_num_threads(1)
    begun, claim = time.process_time(), load(name)
    numbers = claim.numbers(seed, folder) if claim.is_real else claim.numbers(seed)
    return numbers, time.process_time() - begun


def load(name: str) -> Claim:
    """Return a claim by its name."""
    if name not in NAMES:
        raise UserError(f"there is no claim `{name}`; there are {', '.join(NAMES)}")
    return import_module(f"unmix.evaluation.claims.{name}").CLAIM


if __name__ == "__main__":
    main()
