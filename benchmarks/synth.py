"""How fast the large world is drawn, beside a training step that consumes it; and what is learnt.

    python benchmarks/synth.py [--json]                      speed
    python benchmarks/synth.py --samples 20000000 [--kind]   quality after so many samples

Speed: `sample` is all of `World.sample` (which features are on, their sizes, their sum), `step` all
of `Learner.step`, in the same rounds, on batches of one size.  The world is SynthSAEBench-16k's:
16,384 features in 768 dimensions; the dictionary has 4,096 latents and `k = 25`.

Quality: a dictionary trained on so many samples and measured against the truth, with points of its
curve on the way (`--curve`), a line of JSON for each.
"""

import unmix  # isort: skip  # noqa: F401  (tells torch how to wait; before torch is loaded)

import json
import time
from typing import NamedTuple

import torch
import tyro
from timing import interleave, rate, ratio, show

from unmix.evaluation.planted import against_truth
from unmix.training.config import DictionaryConfig, Kind
from unmix.training.loop import fit
from unmix.training.planted import SITE, Pupil, batches_of, learners_of
from unmix.worlds.synth import synth
from unmix.worlds.world import Planted


class Settings(NamedTuple):
    """What is measured."""

    kind: Kind = "batch-topk"
    """Kind of dictionary."""
    latents: int = 4096
    """Latents."""
    k: float = 25
    """Latents a token."""
    prefixes: tuple[int, ...] = ()
    """Matryoshka: sizes of the nested dictionaries (128 512 2048)."""
    batch: int = 1024
    """Tokens a step."""
    samples: int = 0
    """Train on so many and say how good it is, in place of the speed."""
    lr: float | None = None
    """Highest learning rate."""
    seed: int = 0
    """Seed of the dictionary and of the samples; the world is the same for all."""
    curve: int = 8
    """Points of the curve."""
    device: str = "cpu"
    """Where to draw and train."""
    repeat: int = 7
    """Rounds that are counted."""
    json: bool = False
    """Print a line of JSON for each number."""


def main() -> None:
    """Measure what was asked for."""
    settings = tyro.cli(Settings)
    begin = time.perf_counter()
    there = synth(steps=100 if settings.samples else 0)
    if settings.device != "cpu":
        there = there.to(settings.device)
    if settings.samples:
        quality(there, settings, seconds=time.perf_counter() - begin)
    else:
        speed(there, settings)


def speed(there: Planted, settings: Settings) -> None:
    """Print the rates of drawing and of training on what is drawn, and of both in turn."""
    steps = 10**6
    learner = learners_of(there, _pupil(settings), steps=steps, batch=settings.batch)["it"]
    batches = [learner.given.apply(there.sample(settings.batch, number=i).x) for i in range(8)]
    numbers = {"sample": 0, "step": 0}

    def sample() -> None:
        numbers["sample"] += 1
        there.sample(settings.batch, number=numbers["sample"])
        _finish(settings.device)

    def step() -> None:
        numbers["step"] += 1
        x = batches[numbers["step"] % len(batches)]
        learner.step(x, x, numbers["step"])
        _finish(settings.device)

    seconds = interleave({"sample": sample, "step": step}, repeat=settings.repeat, warm=3)
    name = f"{settings.kind} m={settings.latents}"
    rows = [
        rate("drawn", seconds["sample"], settings.batch, "tokens/s"),
        rate(f"trained on, {name}", seconds["step"], settings.batch, "tokens/s"),
        ratio("drawn over trained on", seconds["step"], seconds["sample"]),
    ]
    show(rows, as_json=settings.json)


def quality(there: Planted, settings: Settings, *, seconds: float) -> None:
    """Train, and print scores against the truth along the way."""
    steps = settings.samples // settings.batch
    learners = learners_of(there, _pupil(settings), steps=steps, batch=settings.batch)
    batches = batches_of(there, settings.batch, seed=settings.seed)
    points = {max(1, steps * (i + 1) // settings.curve) for i in range(settings.curve)}
    print(json.dumps({"world": "synth", "made in": round(seconds, 1), **settings._asdict()}))
    begin = time.perf_counter()
    for done in fit(learners, batches, site=SITE, steps=steps, device=settings.device):
        if done.number in points:
            dictionary = learners["it"].finished()
            found = against_truth(
                there, dictionary, n=65_536, batch=settings.batch, seed=settings.seed
            )
            row = {name: score.value for name, score in found.items()}
            spent = round(time.perf_counter() - begin, 1)
            print(json.dumps({"samples": done.tokens, "seconds": spent} | row), flush=True)


def _pupil(settings: Settings) -> dict[str, Pupil]:
    asked = {name: getattr(settings, name) for name in ("kind", "latents", "k", "prefixes", "lr")}
    return {"it": Pupil(DictionaryConfig.model_validate(asked | {"seed": settings.seed}))}


def _finish(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
