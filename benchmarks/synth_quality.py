"""How well the features of the large world are found, after so many samples.

    python benchmarks/synth_quality.py                                  what a small machine can do
    python benchmarks/synth_quality.py --samples 200_000_000 --device cuda --lr 3e-4 --jobs 1
                                                                        the whole recipe, on a GPU
    python benchmarks/synth_quality.py --size small --recipes all       what each part does

All recipes of a seed learn from the same batches.  A seed decides the dictionary and the samples;
the world is the same for all.  Numbers are kept in `--out`, a line of JSON for each recipe of a
seed, and one that is there is not made again.  At the end: means over seeds, least and most.

    batch-topk   BatchTopK
    matryoshka   with inner dictionaries of 1/32, 1/8 and 1/2 of the latents
    falling      with a budget that falls to k over the run
    refined      with a second look at what the first left (one step of LISTA)
    apart        Matryoshka whose inner dictionaries learn apart
    nested-...   Matryoshka with one of the parts above;  best: with all of them
"""

import unmix  # isort: skip  # noqa: F401  (tells torch how to wait; before torch is loaded)

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, NamedTuple

import torch
import tyro

from unmix.evaluation.planted import against_truth
from unmix.training.config import DictionaryConfig
from unmix.training.loop import fit
from unmix.training.planted import SITE, Pupil, batches_of, learners_of
from unmix.worlds.synth import synth
from unmix.worlds.world import Planted

SIZES: dict[str, tuple[dict[str, int], dict[str, float]]] = {
    "16k": ({}, {"latents": 4096, "k": 25, "lr": 1.5e-3}),
    "small": (
        {"n_features": 2048, "width": 192, "trees": 16},
        {"latents": 512, "k": 8, "lr": 3e-3},
    ),
}
"""Each world, and the dictionary that is to learn it: a quarter of the features, and a rate for
runs of under a million samples (of 1.5e-3, 3e-3 and 9.4e-3 the second did best in the small)."""
SHOWN = ("F1", "MCC", "FVU", "precision", "recall", "L0", "dead latents")
MAIN = ("batch-topk", "matryoshka", "best")
FIRST, LOOK = 2.4, 0.3
"""Latents a token at the first step, in multiples of k; share of a second look (both as in
`chanind/claude-auto-research-synthsaebench`)."""


class Settings(NamedTuple):
    """What is measured."""

    size: Literal["16k", "small"] = "16k"
    """World: SynthSAEBench-16k's, or one of its kind with an eighth of the features."""
    recipes: tuple[str, ...] = MAIN
    """Recipes, or `all`."""
    samples: int = 786_432
    """Samples of one run."""
    seeds: int = 5
    """Runs of each recipe."""
    batch: int = 1024
    """Samples a step."""
    lr: float | None = None
    """Highest learning rate; by default one for runs as short as this."""
    curve: int = 4
    """Points of the curve, which the first seed gets."""
    device: str = "cpu"
    """Where to draw and train."""
    jobs: int = 2
    """Seeds at a time, each on one thread of a CPU."""
    out: Path = Path("runs/synth.jsonl")
    """Where numbers are kept."""


def main() -> None:
    """Measure what is not there yet, and print the table."""
    asked = tyro.cli(Settings)
    names = tuple(recipes(asked)) if asked.recipes == ("all",) else asked.recipes
    asked = asked._replace(recipes=names, lr=asked.lr or SIZES[asked.size][1]["lr"])
    kept = _kept(asked)
    with ProcessPoolExecutor(asked.jobs, mp_context=get_context("spawn")) as pool:
        waiting = []
        for seed in range(asked.seeds):
            todo = tuple(n for n in names if not _rows(kept, asked, n, seed=seed))
            if todo:
                waiting.append(pool.submit(learn, asked._replace(recipes=todo), seed))
        for done in as_completed(waiting):
            asked.out.parent.mkdir(parents=True, exist_ok=True)
            with asked.out.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in done.result())
            print(f"{len(done.result())} numbers more in {asked.out}", flush=True)
    for line in table(_kept(asked), asked):
        print(line)


def recipes(asked: Settings) -> dict[str, dict[str, Any]]:
    """Return the settings of each recipe."""
    base = SIZES[asked.size][1]
    m = int(base["latents"])
    nested: dict[str, Any] = {"prefixes": (m // 32, m // 8, m // 2)}
    parts: dict[str, dict[str, Any]] = {
        "falling": {"k_first": FIRST * base["k"]},
        "refined": {"refine": LOOK},
        "apart": nested | {"prefix_apart": True},
    }
    made = {"batch-topk": {}, "matryoshka": nested, **parts}
    made |= {f"nested-{name}": nested | parts[name] for name in ("falling", "refined")}
    return made | {"best": parts["falling"] | parts["refined"] | parts["apart"]}


def learn(asked: Settings, seed: int) -> list[dict[str, Any]]:
    """Train the recipes of one seed side by side; return their scores, for seed 0 on the way."""
    if asked.device == "cpu":
        torch.set_num_threads(1)
    there, known = _world(asked.size, asked.device), recipes(asked)
    shared = SIZES[asked.size][1] | {"kind": "batch-topk", "lr": asked.lr, "seed": seed}
    pupils = {
        name: Pupil(DictionaryConfig.model_validate(shared | known[name])) for name in asked.recipes
    }
    steps = asked.samples // asked.batch
    learners = learners_of(there, pupils, steps=steps, batch=asked.batch)
    batches = batches_of(there, asked.batch, seed=seed)
    points = {steps * (i + 1) // asked.curve for i in range(asked.curve)} if seed == 0 else {steps}
    begin, found = time.perf_counter(), []
    for done in fit(learners, batches, site=SITE, steps=steps, device=asked.device):
        if done.number in points:
            for name, learner in learners.items():
                scores = against_truth(there, learner.finished(), n=65_536, seed=seed)
                row = _about(asked, name, seed) | {"tokens": done.tokens}
                row |= {"seconds": round(time.perf_counter() - begin, 1)}
                found.append(row | {score: scores[score].value for score in SHOWN})
    return found


def table(kept: Sequence[dict[str, Any]], asked: Settings) -> Iterator[str]:
    """Yield the lines of a Markdown table: a row a recipe at the end, then seed 0 on the way."""
    yield f"| recipe | {' | '.join(SHOWN)} |"
    yield "| --- |" + " --- |" * len(SHOWN)
    for name in asked.recipes:
        rows = [_rows(kept, asked, name, seed=seed)[-1] for seed in range(asked.seeds)]
        columns = ([row[score] for row in rows] for score in SHOWN)
        cells = (f"{fmean(c):.3g} ({min(c):.3g} to {max(c):.3g})" for c in columns)
        yield f"| {name} | {' | '.join(cells)} |"
    curves = {name: _rows(kept, asked, name, seed=0) for name in asked.recipes}
    yield ""
    yield "| samples, seed 0: F1; MCC | " + " | ".join(curves) + " |"
    yield "| --- |" + " --- |" * len(curves)
    for points in zip(*curves.values(), strict=True):
        cells = (f"{point['F1']:.3f}; {point['MCC']:.3f}" for point in points)
        yield f"| {points[0]['tokens']:,} | {' | '.join(cells)} |"


@cache
def _world(size: str, device: str) -> Planted:
    there = synth(**SIZES[size][0])
    return there if device == "cpu" else there.to(device)


def _about(asked: Settings, recipe: str, seed: int) -> dict[str, Any]:
    """Return what one run is known by."""
    names = ("size", "samples", "batch", "lr", "curve")
    return {name: getattr(asked, name) for name in names} | {"recipe": recipe, "seed": seed}


def _rows(
    kept: Sequence[dict[str, Any]], asked: Settings, recipe: str, *, seed: int
) -> list[dict[str, Any]]:
    """Return the rows of one run that are there."""
    about = _about(asked, recipe, seed)
    return [row for row in kept if row.items() >= about.items()]


def _kept(asked: Settings) -> list[dict[str, Any]]:
    """Return what was measured before."""
    if not asked.out.exists():
        return []
    return [json.loads(line) for line in asked.out.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()
