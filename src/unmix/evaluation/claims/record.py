"""Numbers of claims on disk, under a key of all that they depend on.

The key is made of what files *do*: comments, docstrings and the rules of a claim, which are
applied when it is shown, do not change it.
"""

import ast
import hashlib
import math
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import torch

from unmix.disk import fingerprint, read_json, write_json
from unmix.errors import UserError
from unmix.evaluation.claims.claim import SEEDS, Numbers

PACKAGE = Path(__file__).resolve().parents[2]
DECIDING = ("dictionaries", "worlds", "training")
"""Folders whose code decides what is learnt."""
APART = (
    *("training/checkpoint", "training/finished", "training/memory", "training/panel"),
    *("training/reading", "training/run", "training/signals", "training/track"),
    *("dictionaries/files", "dictionaries/warm", "worlds/named"),
)
"""Files there that have no say in a number."""
MEASURING = ("planted", "matching", "cofiring", "refine", "hedging", "claims/claim")
"""Files of `evaluation` that decide what is measured."""
READING = ("activations", "models", "text")
"""Folders that decide what is read of a language model."""
SPLICING = (
    *("candidates", "coded", "controls", "fidelity", "heldout", "logits", "score"),
    *("shortcut", "splicing", "claims/language"),
)
"""Files of `evaluation` that decide what is measured in one."""


class Made(NamedTuple):
    """When and of what the numbers of a claim were made."""

    date: str
    commit: str
    """The commit that was checked out, `-dirty` if files differed from it; "" if unknown."""
    seconds: float
    """Of CPU time, all seeds together."""


def key_of(name: str, *, is_real: bool = False) -> str:
    """Return the key of a claim's numbers, which changes with the code they come from."""
    folders = (*DECIDING, *READING) if is_real else DECIDING
    own = [*MEASURING, *(SPLICING if is_real else ()), f"claims/{name}"]
    files = [path for folder in folders for path in (PACKAGE / folder).rglob("*.py")]
    files += [PACKAGE / "evaluation" / f"{stem}.py" for stem in own]
    names = {path.relative_to(PACKAGE).with_suffix("").as_posix(): path for path in files}
    hashes = {name: _does(path) for name, path in names.items() if name not in APART}
    return fingerprint({"files": hashes, "torch": torch.__version__, "seeds": SEEDS})


def read(folder: Path, name: str, *, is_real: bool = False) -> dict[int, Numbers]:
    """Return the numbers that are still good, by seed."""
    path = folder / f"{name}.json"
    if not path.exists():
        return {}
    kept = read_json(path)
    seeds = kept.get("seeds")
    if kept.get("key") != key_of(name, is_real=is_real) or not isinstance(seeds, dict):
        return {}
    return {int(seed): {k: _number(v) for k, v in row.items()} for seed, row in seeds.items()}


def made(folder: Path, name: str) -> Made:
    """Return when and of what the numbers on disk were made."""
    kept = read_json(folder / f"{name}.json")
    date, commit = (str(kept.get(field, "")) for field in ("date", "commit"))
    return Made(date, commit, _number(kept.get("seconds", 0.0)))


def write(folder: Path, name: str, found: dict[int, Numbers], *, key: str, seconds: float) -> None:
    """Keep the numbers of a claim under the key of the code that was there when they began."""
    rows = {
        str(seed): {k: None if math.isnan(v) else v for k, v in found[seed].items()}
        for seed in sorted(found)
    }
    about = Made(datetime.now(UTC).date().isoformat(), commit(), seconds)._asdict()
    write_json(folder / f"{name}.json", {"key": key, **about, "seeds": rows})


def missing(found: dict[int, Numbers]) -> Sequence[int]:
    """Return the seeds that have to be run."""
    return [seed for seed in SEEDS if seed not in found]


def commit() -> str:
    """Return the commit that is checked out, `-dirty` if its code was changed; "" if unknown."""
    try:
        name = _git("rev-parse", "--short", "HEAD")
    except FileNotFoundError:  # no git here
        return ""
    code = (str(PACKAGE), f":(exclude){PACKAGE / 'learn' / 'recorded'}")
    return f"{name}-dirty" if name and _git("status", "--porcelain", "-uno", "--", *code) else name


def _git(*words: str) -> str:
    command = ["git", "-C", str(PACKAGE), *words]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()


def _does(path: Path) -> str:
    """Return a hash of what a file does."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if not _is_claim(node)]
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [one for one in body if not _is_text(one)]  # type: ignore[attr-defined]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _is_text(node: ast.AST) -> bool:
    """Say whether a statement is nothing but a text."""
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _is_claim(node: ast.AST) -> bool:
    """Say whether a statement is what a file of this folder says and by which rules."""
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(one, ast.Name) and one.id == "CLAIM" for one in targets)


def _number(value: object) -> float:
    if value is None:
        return math.nan
    if not isinstance(value, int | float):
        raise UserError(f"a claim's number is `{value}`; delete its file and run it again")
    return float(value)
