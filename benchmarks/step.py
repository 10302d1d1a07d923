"""What one training step costs, in encoder products.

    python benchmarks/step.py [--json] [--latents 4608 18432] [--kinds topk relu] [--profile]

`U` is the product `[n, d] [d, m]` in float32 into memory that is there (2 n d m operations), timed
in the same rounds.  A step is all of `Learner.step`: encode, rebuild, gradients, clipping, Adam,
renormalisation, counting.  Below `U = 1` the encoder's product ran in 8 bits and the selection was
proved exact.
"""

import unmix  # isort: skip  # noqa: F401  (tells torch how to wait; before torch is loaded)

import cProfile
import math
import pstats
import resource
import subprocess
import sys
from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import psutil
import torch
import tyro
from activations import superposed
from timing import interleave, rate, ratio, row, show
from torch import Tensor

from unmix.dictionaries.scaling import identity
from unmix.dictionaries.sparsity import Gated, JumpReLU
from unmix.training.config import DictionaryConfig
from unmix.training.learner import Learner, Length

BATCHES = 8
Kind = Literal["topk", "batch-topk", "abs-topk", "matryoshka", "auxk", "relu", "jumprelu", "gated"]
ASKED: dict[Kind, dict[str, object]] = {
    "matryoshka": {"kind": "batch-topk", "prefixes": (1 / 64, 1 / 16, 1 / 4)},
    "auxk": {"kind": "batch-topk"},
}
"""What a name stands for, where it is not a kind of its own."""


class Settings(NamedTuple):
    """What is timed."""

    latents: tuple[int, ...] = (4608, 18432)
    """Sizes of the dictionary."""
    kinds: tuple[Kind, ...] = get_args(Kind)
    """Kinds of dictionary; `matryoshka` has three inner prefixes, `auxk` has dead latents."""
    batch: int = 4096
    """Tokens a step."""
    width: int = 576
    """Width of the activations."""
    dead: float = 0.03
    """Share of the latents that stays dead in `auxk`."""
    large: int = 73728
    """Latents of the dictionary whose peak memory is measured; 0 leaves it out."""
    repeat: int = 9
    """Rounds."""
    profile: bool = False
    """Say where the time of a step goes, operation by operation, in place of the table."""
    peak: int = 0
    """Print the peak memory of one dictionary of this size, and nothing else."""
    json: bool = False
    """Print a line of JSON for each number."""


def main() -> None:
    """Time the steps that were asked for."""
    settings = tyro.cli(Settings)
    if settings.peak:
        print(peak(settings))
        return
    batches = superposed(BATCHES * settings.batch, settings.width).split(settings.batch)
    if settings.profile:
        profile(settings, batches)
        return
    for m in settings.latents:
        for kind in settings.kinds:
            time_kind(kind, m, batches, settings)
    if settings.large:
        memory(settings)


def time_kind(kind: Kind, m: int, batches: tuple[Tensor, ...], settings: Settings) -> None:
    """Time the steps of one kind of dictionary against the product."""
    x = batches[0]
    step = steps_of(kind, m, batches, dead=settings.dead)
    out, W = torch.empty(len(x), m), torch.randn(m, x.shape[1])
    cases = {"U": lambda: torch.mm(x, W.T, out=out), "step": step}
    seconds = interleave(cases, repeat=settings.repeat, warm=3)
    name = f"{kind}, {settings.dead:.0%} dead" if kind == "auxk" else kind
    rows = [ratio(f"{name} m={m}", seconds["step"], seconds["U"], "U")]
    if kind == settings.kinds[0]:
        operations = 2e-9 * len(x) * x.shape[1] * m
        rows.insert(0, rate(f"product m={m}", seconds["U"], operations, "GFLOP/s"))
        rows.append(rate(f"{name} m={m}, rate", seconds["step"], len(x), "tokens/s"))
    show(rows, as_json=settings.json)


def steps_of(
    kind: Kind, m: int, batches: tuple[Tensor, ...], *, dead: float = 0.0
) -> Callable[[], object]:
    """Return a call that takes one more step on the next batch."""
    asked = {"kind": kind} | ASKED.get(kind, {}) | {"latents": m, "k": 32}
    shares = asked.pop("prefixes", ())
    assert isinstance(shares, tuple)
    asked["prefixes"] = tuple(int(m * share) for share in shares)
    n, d = batches[0].shape
    length = Length(10**6, n, 0.05, 0.2)
    config = DictionaryConfig.model_validate(asked)
    learner = Learner(config, identity(d), target=None, length=length)
    settle(learner, batches[0])
    number, kept_dead = 0, int(dead * m) if kind == "auxk" else 0

    def step() -> None:
        nonlocal number
        number += 1
        # The same share stays dead, whatever AuxK does for them.
        learner.health.since[:kept_dead] = learner.health.dead_after + 1
        learner.step(batches[number % BATCHES], batches[number % BATCHES], number)

    return step


@torch.no_grad()
def settle(learner: Learner, x: Tensor) -> None:
    """Give kinds without a fixed count a threshold that 32 latents a token exceed."""
    d = learner.dictionary
    scores = x[:256] @ d.W_enc.T
    low = float(scores.flatten().topk(32 * len(scores)).values[-1])
    if isinstance(d.sparsity, JumpReLU):
        d.sparsity.log_threshold.fill_(math.log(low))
    elif learner.config.kind in ("relu", "gated"):
        d.b_enc.fill_(-low)
    if isinstance(d.sparsity, Gated):
        d.sparsity.b_mag.fill_(low)


def profile(settings: Settings, batches: tuple[Tensor, ...]) -> None:
    """Print where the time of a step goes, operation by operation."""
    kind, m = settings.kinds[0], settings.latents[0]
    step = steps_of(kind, m, batches, dead=settings.dead)
    for _ in range(3):
        step()
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(5):
        step()
    profiler.disable()
    print(f"five steps of {kind}, m={m}; `acquire` is waiting for the other threads' share")
    pstats.Stats(profiler).strip_dirs().sort_stats("tottime").print_stats(18)


def memory(settings: Settings) -> None:
    """Measure the most memory that training a large dictionary takes, in a process of its own."""
    command = [sys.executable, __file__, "--peak", str(settings.large)]
    command += ["--width", str(settings.width), "--batch", str(settings.batch)]
    taken = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    name = f"peak memory m={settings.large}"
    show([row(name, [taken], "x weights and moments")], as_json=settings.json)


def peak(settings: Settings) -> float:
    """Return peak memory over that of weights and moments, batches and libraries left out."""
    m, d, n = settings.peak, settings.width, settings.batch
    batches = tuple(torch.randn(n, d) for _ in range(BATCHES))
    steps_of("batch-topk", 64, batches)()
    before = psutil.Process().memory_info().rss
    step = steps_of("batch-topk", m, batches)
    for _ in range(2):
        step()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return (most - before) / (2 * m * d * 4 * 3)


if __name__ == "__main__":
    main()
