"""How fast the large world is drawn, beside a training step that consumes it.

    python benchmarks/synth.py [--json]

`sample` is all of `World.sample` (which features are on, their sizes, their sum), `step` all of
`Learner.step`, in the same rounds, on batches of one size.  The world is SynthSAEBench-16k's:
16,384 features in 768 dimensions; the dictionary has 4,096 latents and `k = 25`.
`synth_quality.py` says what is learnt.
"""

import unmix  # isort: skip  # noqa: F401  (tells torch how to wait; before torch is loaded)

from typing import NamedTuple

import torch
import tyro
from timing import interleave, rate, ratio, show

from unmix.training.config import DictionaryConfig, Kind
from unmix.training.planted import Pupil, learners_of
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
    device: str = "cpu"
    """Where to draw and train."""
    repeat: int = 7
    """Rounds that are counted."""
    json: bool = False
    """Print a line of JSON for each number."""


def main() -> None:
    """Measure what was asked for."""
    settings = tyro.cli(Settings)
    there = synth(steps=0)
    speed(there if settings.device == "cpu" else there.to(settings.device), settings)


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


def _pupil(settings: Settings) -> dict[str, Pupil]:
    asked = {name: getattr(settings, name) for name in ("kind", "latents", "k", "prefixes")}
    return {"it": Pupil(DictionaryConfig.model_validate(asked))}


def _finish(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
