"""What one training step costs, in encoder products.

    python benchmarks/step.py [--latents 4608 18432] [--profile] [--json]

`U` is the product `[n, d] [d, m]` in float32 into memory that is there (2 n d m operations), timed
in the same rounds.  A step is all of `Learner.step`: encode, rebuild, gradients, clipping, Adam,
renormalisation, counting.  Below `U = 1` the encoder's product ran in bfloat16 and the selection
was proved exact.
"""

import argparse
import cProfile
import math
import pstats
import resource
import subprocess
import sys
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.activations import superposed
from benchmarks.timing import interleave, ratio, row, show
from unmix.dictionaries.scaling import identity
from unmix.dictionaries.sparsity import Gated, JumpReLU
from unmix.training.config import DictionaryConfig
from unmix.training.learner import Learner, Length

BATCHES = 8
KINDS: dict[str, dict[str, object]] = {
    "topk": {"kind": "topk"},
    "batch-topk": {"kind": "batch-topk"},
    "abs-topk": {"kind": "abs-topk"},
    "matryoshka": {"kind": "batch-topk", "prefixes": (1 / 64, 1 / 16, 1 / 4)},
    "auxk, 3 % dead": {"kind": "batch-topk", "dead": 0.03},
    "relu": {"kind": "relu"},
    "jumprelu": {"kind": "jumprelu"},
    "gated": {"kind": "gated"},
}


def main() -> None:
    """Time the steps that were asked for."""
    options = parsed()
    if options.memory:
        print(peak(options.memory, options.width, options.batch))
        return
    batches = superposed(BATCHES * options.batch, options.width).split(options.batch)
    for m in options.latents:
        for name in options.kinds:
            time_kind(name, m, batches, options)
    if options.profile:
        profile(options.kinds[0], options.latents[0], batches)
    elif not options.quick:
        memory(options)


def time_kind(name: str, m: int, batches: tuple[Tensor, ...], options: argparse.Namespace) -> None:
    """Time the steps of one kind of dictionary against the product."""
    x = batches[0]
    step = steps_of(name, m, batches)
    out, W = torch.empty(len(x), m), torch.randn(m, x.shape[1])
    cases = {"U": lambda: torch.mm(x, W.T, out=out), "step": step}
    seconds = interleave(cases, repeat=options.repeat, warm=3)
    rows = [ratio(f"{name} m={m}", seconds["step"], seconds["U"], "U")]
    if name == options.kinds[0]:
        rate = [2e-9 * len(x) * x.shape[1] * m / s for s in seconds["U"]]
        rows.insert(0, row(f"product m={m}", rate, "GFLOP/s"))
        speed = [len(x) / s for s in seconds["step"]]
        rows.append(row(f"{name} m={m}", speed, "tokens/s"))
    show(rows, as_json=options.json)


def steps_of(name: str, m: int, batches: tuple[Tensor, ...]) -> Callable[[], object]:
    """Return a call that takes one more step on the next batch."""
    asked = dict(KINDS[name])
    dead = asked.pop("dead", 0.0)
    shares = asked.pop("prefixes", ())
    assert isinstance(dead, float)
    assert isinstance(shares, tuple)
    asked |= {"latents": m, "k": 32, "prefixes": tuple(int(m * s) for s in shares)}
    n, d = batches[0].shape
    length = Length(10**6, n, 0.05, 0.2)
    learner = Learner(DictionaryConfig.model_validate(asked), identity(d), target=None, length=length)
    settle(learner, batches[0])
    number = 0

    def step() -> None:
        nonlocal number
        number += 1
        if dead:  # the same share stays dead, whatever AuxK does for them
            learner.health.since[: int(dead * m)] = learner.health.dead_after + 1
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


def profile(name: str, m: int, batches: tuple[Tensor, ...]) -> None:
    """Print where the time of a step goes, operation by operation."""
    step = steps_of(name, m, batches)
    for _ in range(3):
        step()
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(5):
        step()
    profiler.disable()
    print(f"five steps of {name}, m={m}; `acquire` is waiting for the other threads' share")
    pstats.Stats(profiler).strip_dirs().sort_stats("tottime").print_stats(18)


def memory(options: argparse.Namespace) -> None:
    """Measure the most memory that training a large dictionary takes, in a process of its own."""
    command = [sys.executable, __file__, "--memory", str(options.large)]
    command += ["--width", str(options.width), "--batch", str(options.batch)]
    taken = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    name = f"peak memory m={options.large}"
    show([row(name, [taken], "x weights with moments")], as_json=options.json)


def peak(m: int, d: int, n: int) -> float:
    """Return peak memory over that of weights and moments, batches and libraries left out."""
    batches = superposed(n, d).split(n) * BATCHES
    small = steps_of("batch-topk", 64, batches)
    small()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step = steps_of("batch-topk", m, batches)
    for _ in range(2):
        step()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (after - before) * 1024 / (2 * m * d * 4 * 3)


def parsed() -> argparse.Namespace:
    """Read the flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--latents", type=int, nargs="+", default=[4608, 18432])
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--width", type=int, default=576)
    parser.add_argument("--large", type=int, default=73728, help="latents for peak memory")
    parser.add_argument("--repeat", type=int, default=9, help="rounds")
    parser.add_argument("--profile", action="store_true", help="where one step's time goes")
    parser.add_argument("--quick", action="store_true", help="leave out peak memory")
    parser.add_argument("--memory", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="a line of JSON a number")
    return parser.parse_args()


if __name__ == "__main__":
    main()
