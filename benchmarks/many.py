"""What many dictionaries at once cost: eight on one stream, and whether a shared product pays.

    python benchmarks/many.py [--json] [--latents 4608]

All learn from the same batches, so the model is read once.  Ratios are taken round by round:

    eight              eight dictionaries (four `k`, two seeds) on one batch, over eight times one
    eight, and reading the same with reading the batch from the model, over eight times both
    shared product     one product with the encoders of all eight side by side, over eight products
"""

import unmix  # isort: skip  # noqa: F401  (tells torch how to wait; before torch is loaded)

from collections.abc import Callable
from typing import NamedTuple

import torch
import tyro
from activations import superposed
from timing import interleave, ratio, row, show
from torch import Tensor

from unmix.dictionaries.scaling import identity
from unmix.hardware import multiplies_int8
from unmix.models.load import load_model
from unmix.models.sites import read, resolve
from unmix.training.config import DictionaryConfig
from unmix.training.learner import Learner, Length
from unmix.training.loop import fit


class Settings(NamedTuple):
    """What is timed."""

    latents: int = 4608
    """Latents of each of the eight."""
    small: int = 1152
    """Latents of each, where a shared product could pay most."""
    model: str = "smollm2-135m"
    """Model that is read."""
    site: str = "resid.12"
    """Site that is read."""
    batch: int = 4096
    """Tokens a step."""
    context: int = 256
    """Tokens in a context."""
    repeat: int = 7
    """Rounds."""
    json: bool = False
    """Print a line of JSON for each number."""


def main() -> None:
    """Time everything and print it."""
    settings = tyro.cli(Settings)
    width = 576
    batches = superposed(4 * settings.batch, width).split(settings.batch)
    cases = {
        "one": steps_of(batches, settings.latents, ks=(32,), seeds=(0,)),
        "eight": steps_of(batches, settings.latents, ks=(16, 24, 40, 48), seeds=(0, 1)),
        "reading": reading(settings),
    }
    seconds = interleave(cases, repeat=settings.repeat, warm=2)
    alone = [8 * s for s in seconds["one"]]
    both = [a + s for a, s in zip(seconds["eight"], seconds["reading"], strict=True)]
    apart = [a + 8 * s for a, s in zip(alone, seconds["reading"], strict=True)]
    rows = [
        row(f"one step m={settings.latents}", seconds["one"], "s"),
        row(f"reading {settings.batch} tokens", seconds["reading"], "s"),
        ratio("eight", seconds["eight"], alone, "of 8 steps"),
        ratio("eight, and reading", both, apart, "of 8 runs"),
        *products(batches[0], settings),
    ]
    show(rows, as_json=settings.json)


def steps_of(
    batches: tuple[Tensor, ...], m: int, *, ks: tuple[int, ...], seeds: tuple[int, ...]
) -> Callable[[], object]:
    """Return a call that takes one more step with a dictionary for each `k` and seed."""
    n, d = batches[0].shape
    learners = {
        f"k{k}-seed{seed}": Learner(
            DictionaryConfig(kind="batch-topk", latents=m, k=k, seed=seed),
            identity(d),
            target=None,
            length=Length(10**6, n, 0.05, 0.2),
        )
        for k in ks
        for seed in seeds
    }
    endless = ({"x": batches[i % len(batches)]} for i in range(10**6))
    steps = fit(learners, endless, site="x", steps=10**6)
    return lambda: next(steps)


def reading(settings: Settings) -> Callable[[], object]:
    """Return a call that reads one batch from the model."""
    model = load_model(settings.model).model
    sites = {settings.site: resolve(model, settings.site)}
    shape = (settings.batch // settings.context, settings.context)
    tokens = torch.randint(1000, shape, generator=torch.Generator().manual_seed(0))
    passes = tokens.split(4)
    return lambda: [read(model, sites, some) for some in passes]


def products(x: Tensor, settings: Settings) -> list:
    """Time one wide product against eight narrow ones, in the precision encoders run in here."""
    (n, d), m = x.shape, settings.small
    W, made, multiply = torch.randn(8 * m, d), torch.float32, torch.mm
    if multiplies_int8():
        x, W, made, multiply = x.to(torch.int8), W.to(torch.int8), torch.int32, torch._int_mm
    wide, narrow = torch.empty(n, 8 * m, dtype=made), torch.empty(n, m, dtype=made)
    cases = {
        "shared": lambda: multiply(x, W.T, out=wide),
        "apart": lambda: [multiply(x, part.T, out=narrow) for part in W.split(m)],
    }
    seconds = interleave(cases, repeat=settings.repeat, warm=2)
    return [ratio(f"shared product m={m}", seconds["shared"], seconds["apart"], "of 8 products")]


if __name__ == "__main__":
    main()
