"""Record all that the page shows: `python -m unmix.learn.make`, or `make learn-runs`.

    seed by seed -> runs/learn/KEY/*.json, *.safetensors     kept: a stop loses one part
    all parts    -> src/unmix/learn/recorded/                replaced when everything is there

A part that was made under the same key and recipe is not made again.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pydantic import BaseModel
from rich.console import Console

from unmix.disk import fingerprint, read_json, replacing, write_json, write_text
from unmix.evaluation.claims.record import commit
from unmix.learn import content, listing, path, real
from unmix.learn.files import RECORDED
from unmix.learn.grid import held_out, train, weights
from unmix.learn.keys import key
from unmix.learn.measures import metrics
from unmix.learn.parity import parity
from unmix.learn.probe import probe
from unmix.learn.recipe import FACTS, FROM_TRUTH, Recipe, made, settings
from unmix.learn.schema import Budget, Coder, Grid, GridRun, Heldout, Provenance, Snapshot
from unmix.learn.schema import Path as Ways

WORK = Path("runs/learn")
CLAIMS = Path("runs/claims")
"""What `make claims` recorded."""
REAL = Path("runs/demo")
"""A run on a real model, if there is one."""


class Part(NamedTuple):
    """What is made in one go and kept."""

    name: str
    make: Callable[[Path], dict[str, object]]
    """Is given a folder for binary files; returns the rest."""


def main() -> None:
    """Make what is missing, and put it all together."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--out", type=Path, default=RECORDED)
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--real", type=Path, nargs="*", default=[REAL], help="runs on a real model")
    for name, field in Recipe.model_fields.items():
        parser.add_argument(f"--{name}", type=int, default=field.default)
    asked = vars(parser.parse_args())
    out, work, runs = asked.pop("out"), asked.pop("work"), asked.pop("real")
    torch.set_num_threads(1)
    console = Console(highlight=False, markup=False)
    size = record(Recipe(**asked), out, work=work, runs=runs, report=console.print)
    console.print(f"{out}: {size / 1e6:.2f} MB")


def record(
    recipe: Recipe, out: Path, *, work: Path, runs: Sequence[Path], report: Callable[[str], None]
) -> int:
    """Record everything under a recipe; return the bytes of it."""
    folder = work / fingerprint({"key": key(), "recipe": recipe.model_dump()})
    found: dict[str, dict[str, object]] = {}
    for part in parts(recipe):
        file = folder / f"{part.name}.json"
        if not file.exists():
            begin = time.perf_counter()
            told = part.make(folder)
            seconds = time.perf_counter() - begin
            write_json(file, {**told, "seconds": round(seconds, 1)})
            report(f"{part.name}: {seconds:.0f} s")
        found[part.name] = read_json(file)
    with replacing(out) as beside:
        _put_together(recipe, found, folder, beside, runs=runs)
    return sum(file.stat().st_size for file in out.rglob("*") if file.is_file())


def parts(recipe: Recipe) -> Iterator[Part]:
    """Yield everything that is made, a seed at a time."""
    for seed in range(recipe.seeds):
        for world in FACTS:
            yield Part(f"{world}-{seed}", _grid(world, seed, recipe))
        yield Part(f"path-{seed}", _path(seed, recipe))


def _grid(world: str, seed: int, recipe: Recipe) -> Callable[[Path], dict[str, object]]:
    def make(folder: Path) -> dict[str, object]:
        trained = train(list(settings(world)), seed, recipe)
        for one in trained:
            if one.run.weights is not None:
                _write(folder / one.run.weights, weights(one.dictionary))
        return {"runs": [one.run.model_dump() for one in trained]}

    return make


def _path(seed: int, recipe: Recipe) -> Callable[[Path], dict[str, object]]:
    def make(folder: Path) -> dict[str, object]:
        ways = path.ways(seed, recipe)
        told: dict[str, object] = {
            "runs": [run.model_dump() for way in ways.values() for run in (way.begin, way.end)]
        }
        if seed == 0:
            for k, way in ways.items():
                _write(folder / f"path/k{k}.bin", way.weights)
                told[f"k{k}"] = [one.model_dump() for one in way.snapshots]
            told["coder"] = path.perfect_coder(seed, ways[path.CODED].last).model_dump()
        return told

    return make


def _put_together(
    recipe: Recipe, found: dict[str, dict[str, object]], folder: Path, out: Path,
    *, runs: Sequence[Path],
) -> None:  # fmt: skip
    """Write everything into an empty folder."""
    grid = Grid(runs=_runs(found, *FACTS), from_truth=_runs(found, "path"))
    for file in [*folder.glob("weights/*.bin"), *folder.glob("path/*.bin")]:
        _write(out / file.relative_to(folder), file.read_bytes())
    held = {name: held_out(made(name, 0)) for name in FACTS}
    for name, tokens in held.items():
        _write(out / f"heldout/{name}.bin", tokens.numbers)
    seconds = sum(float(str(part["seconds"])) for part in found.values())
    _json(out / "recorded.json", provenance(recipe, seconds))
    _json(out / "grid.json", grid, digits=6)
    _json(out / "path.json", _ways(found["path-0"], grid), digits=6)
    _json(out / "parity.json", parity())
    _json(out / "listing.json", listing.run())
    _json(out / "lm.json", real.of_claim(CLAIMS) or real.read(runs))
    _json(out / "heldout.json", Heldout(**{name: one.listed for name, one in held.items()}))
    content.write(out, grid)


def provenance(recipe: Recipe, seconds: float) -> Provenance:
    """Return where the numbers come from."""
    return Provenance(
        key=key(),
        probe=probe(),
        versions=listing.versions("numpy", "torch"),
        commit=commit(),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(seconds, 1),
        recipe=recipe.model_dump(),
        worlds=FACTS,
        metrics=metrics(),
    )


def _runs(found: dict[str, dict[str, object]], *names: str) -> list[GridRun]:
    """Return the runs of all parts of some names."""
    rows = []
    for name, part in found.items():
        told = part["runs"]
        if name.rpartition("-")[0] in names and isinstance(told, list):
            rows += [GridRun.model_validate(row) for row in told]
    return rows


def _ways(first: dict[str, object], grid: Grid) -> Ways:
    """Return what is said of training from the truth."""
    ends = {
        run.setting: run.id for run in grid.from_truth if (run.origin, run.seed) == ("freed", 0)
    }
    budgets = {}
    for k in FROM_TRUTH:
        rows = first[f"k{k}"]
        assert isinstance(rows, list)
        budgets[str(k)] = Budget(
            weights=f"path/k{k}.bin",
            dtype="float16",
            snapshots=[Snapshot.model_validate(row) for row in rows],
            id=ends[k],
        )
    coder = Coder.model_validate(first["coder"])
    return Ways(world=path.WORLD, budgets=budgets, perfect_coder=coder)


def _json(file: Path, data: BaseModel, *, digits: int = 9) -> None:
    """Write a file of the page, its numbers with so many digits."""
    told = _rounded(data.model_dump(mode="json", by_alias=True), digits)
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    write_text(file, text + "\n")


def _rounded(data: Any, digits: int) -> Any:
    """Return JSON with shorter numbers."""
    if isinstance(data, dict):
        return {name: _rounded(value, digits) for name, value in data.items()}
    if isinstance(data, list):
        return [_rounded(value, digits) for value in data]
    return float(f"{data:.{digits}g}") if isinstance(data, float) else data


def _write(file: Path, data: bytes) -> None:
    with replacing(file) as beside:
        beside.write_bytes(data)


if __name__ == "__main__":
    main()
