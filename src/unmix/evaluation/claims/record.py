"""Numbers of claims on disk, under a key of all that they depend on."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch

from unmix.disk import file_sha256, fingerprint, read_json, write_json
from unmix.errors import UserError
from unmix.evaluation.claims.claim import SEEDS, Numbers

PACKAGE = Path(__file__).resolve().parents[2]
DECIDING = ("dictionaries", "worlds", "training")
"""Folders whose code decides what is learnt."""
MEASURING = ("planted", "matching", "cofiring", "refine", "hedging", "claims/claim")
"""Files of `evaluation` that decide what is measured."""


def key_of(name: str) -> str:
    """Return the key of a claim's numbers, which changes with the code they come from."""
    files = [path for folder in DECIDING for path in (PACKAGE / folder).rglob("*.py")]
    own = [*MEASURING, f"claims/{name}"]
    files += [PACKAGE / "evaluation" / f"{stem}.py" for stem in own]
    hashes = {str(path.relative_to(PACKAGE)): file_sha256(path) for path in files}
    return fingerprint({"files": hashes, "torch": torch.__version__, "seeds": SEEDS})


def read(folder: Path, name: str) -> dict[int, Numbers]:
    """Return the numbers that are still good, by seed."""
    path = folder / f"{name}.json"
    if not path.exists():
        return {}
    kept = read_json(path)
    seeds = kept.get("seeds")
    if kept.get("key") != key_of(name) or not isinstance(seeds, dict):
        return {}
    return {int(seed): {k: _number(v) for k, v in row.items()} for seed, row in seeds.items()}


def write(folder: Path, name: str, found: dict[int, Numbers], *, key: str, seconds: float) -> None:
    """Keep the numbers of a claim under the key of the code that was there when they began."""
    rows = {
        str(seed): {k: None if math.isnan(v) else v for k, v in found[seed].items()}
        for seed in sorted(found)
    }
    write_json(folder / f"{name}.json", {"key": key, "seconds": seconds, "seeds": rows})


def missing(found: dict[int, Numbers]) -> Sequence[int]:
    """Return the seeds that have to be run."""
    return [seed for seed in SEEDS if seed not in found]


def _number(value: object) -> float:
    if value is None:
        return math.nan
    if not isinstance(value, int | float):
        raise UserError(f"a claim's number is `{value}`; delete its file and run it again")
    return float(value)
