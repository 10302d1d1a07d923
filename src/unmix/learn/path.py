"""Training that begins at the true dictionary of a hierarchy, and leaves it.

First the encoder is fitted while the directions are held at the truth: what comes later is not the
fault of an encoder that had yet to learn.  Then the directions are let go.  Snapshots lie densely
at first, where most happens.

Axes: n tokens, d width, m latents, c choices of latents.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unmix.dictionaries.dictionary import Dictionary
from unmix.learn.grid import HELD, held_out, weights
from unmix.learn.measures import measured
from unmix.learn.recipe import FROM_TRUTH, Recipe, Setting, id_of, made
from unmix.learn.schema import Coder, GridRun, Numbers, Origin, Snapshot
from unmix.training.loop import fit
from unmix.training.planted import SITE, Pupil, batches_of, learn, learners_of, of_truth
from unmix.worlds.world import World

WORLD = "tree"
CODED = 2
"""Latents that the perfect coder chooses; more would be too many choices."""
SLAB = 32
"""Choices that are tried at once."""


class Way(NamedTuple):
    """Training from the truth with one budget."""

    k: int
    snapshots: list[Snapshot]
    weights: bytes
    """float16, snapshot after snapshot."""
    begin: GridRun
    end: GridRun
    last: Dictionary


class Moment(NamedTuple):
    """A snapshot, and the dictionary then."""

    step: int
    dictionary: Dictionary
    numbers: Numbers


def ways(seed: int, recipe: Recipe) -> dict[int, Way]:
    """Train from the truth with every budget; only the first seed keeps what lies between."""
    world = made(WORLD, seed)
    config = {k: Setting(WORLD, "topk", k).config(seed, scale=1.0) for k in FROM_TRUTH}
    held = {
        f"{k}": Pupil(config[k], start=of_truth(world, config[k]), frozen=True) for k in FROM_TRUTH
    }
    given = {"steps": recipe.fitted, "batch": recipe.batch, "seed": seed}
    fitted = learn(world, held, **given)
    pupils = {f"{k}": Pupil(config[k], start=fitted[f"{k}"]) for k in FROM_TRUTH}
    kept = kept_steps(recipe) if seed == 0 else [0, recipe.freed]
    moments: dict[int, list[Moment]] = {k: [] for k in FROM_TRUTH}
    for step, learnt in _walk(world, pupils, kept, recipe, seed=seed):
        for k in FROM_TRUTH:
            numbers = measured(world, learnt[f"{k}"], n=recipe.tokens)
            moments[k].append(Moment(step, learnt[f"{k}"], numbers))
    return {k: _way(k, moments[k], seed, recipe) for k in FROM_TRUTH}


def kept_steps(recipe: Recipe) -> list[int]:
    """Return the steps that are kept: from 0, ever further apart, to the last."""
    last = recipe.snapshots - 1
    return sorted({round(recipe.freed * (i / last) ** 2) for i in range(recipe.snapshots)})


def _walk(
    world: World, pupils: dict[str, Pupil], kept: list[int], recipe: Recipe, *, seed: int
) -> Iterator[tuple[int, dict[str, Dictionary]]]:
    """Yield the dictionaries at the steps that are kept."""
    learners = learners_of(world, pupils, steps=recipe.freed, batch=recipe.batch)
    yield 0, {name: one.finished() for name, one in learners.items()}
    batches = batches_of(world, recipe.batch, seed=seed + 100)
    for step in fit(learners, batches, site=SITE, steps=recipe.freed):
        if step.number in kept:
            yield step.number, {name: one.finished() for name, one in learners.items()}


def _way(k: int, moments: list[Moment], seed: int, recipe: Recipe) -> Way:
    first, last = moments[0], moments[-1]
    return Way(
        k,
        [_snapshot(one) for one in moments],
        b"".join(weights(one.dictionary, dtype="<f2") for one in moments),
        _run(k, first, seed, recipe, origin="truth"),
        _run(k, last, seed, recipe, origin="freed"),
        last.dictionary,
    )


def _snapshot(one: Moment) -> Snapshot:
    n = one.numbers
    return Snapshot(
        step=one.step,
        nmse=n.nmse,
        mcc=n.mcc,
        f1=n.f1,
        absorption_on=n.absorption,
        absorption_off=n.absorption_off,
        lean=n.lean,
    )


def _run(k: int, one: Moment, seed: int, recipe: Recipe, *, origin: Origin) -> GridRun:
    """Return a moment in the form of a run of the grid."""
    setting = Setting(WORLD, "topk", k)
    return GridRun(
        id=id_of(setting, seed, origin=origin, recipe=recipe),
        world=WORLD,
        kind="topk",
        setting=k,
        seed=seed,
        origin=origin,
        steps=one.step,
        read_time=None,
        weights=None,
        heldout=None,
        **one.numbers.model_dump(),
    )


def perfect_coder(seed: int, learned: Dictionary) -> Coder:
    """Return how well the true and the learnt directions rebuild, each with the best code."""
    world = made(WORLD, seed)
    x = held_out(world).world.sample(HELD).x
    truth = of_truth(world, Setting(WORLD, "topk", CODED).config(seed, scale=1.0))
    return Coder(
        truth=best_error(x - x.mean(0), truth.W_dec.detach()),
        learned=best_error(x - x.mean(0), learned.W_dec.detach()),
        k=CODED,
        n=HELD,
    )


def best_error(x: Float[Tensor, "n d"], W_dec: Float[Tensor, "m d"]) -> float:
    """Return FVU of centred activations under the best two latents for each, acts not negative.

    Every pair is tried.  Where the best acts of a pair are not both positive, one of the two alone
    is as good as the pair gets.
    """
    along, gram = (x @ W_dec.T).double(), (W_dec @ W_dec.T).double()
    alone = along.clamp_min(0).square() / gram.diagonal()
    best = alone.amax(1)
    pairs = torch.tensor(list(combinations(range(len(W_dec)), CODED)))
    for slab in pairs.split(SLAB):
        best = torch.maximum(best, _of_pairs(along, gram, slab).amax(1))
    return float(1 - best.sum() / x.double().square().sum())


def _of_pairs(
    along: Float[Tensor, "n m"], gram: Float[Tensor, "m m"], pairs: Int[Tensor, "c 2"]
) -> Float[Tensor, "n c"]:
    """Return what pairs of latents explain of each token; 0 where an act would be negative."""
    i, j = pairs.T
    a, b = along[:, i], along[:, j]
    ii, jj, ij = gram[i, i], gram[j, j], gram[i, j]
    det = (ii * jj - ij.square()).clamp_min(1e-9)
    first, second = (jj * a - ij * b) / det, (ii * b - ij * a) / det
    return (first * a + second * b) * ((first > 0) & (second > 0))
