"""Dictionaries trained at every setting: all of one seed learn from the same batches, in one go.

    world, seed -> a run each, and the weights of the first seed

Axes: n tokens, d width, m latents.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.sparsity import Gated, JumpReLU
from unmix.learn.measures import measured, read_with
from unmix.learn.recipe import BUDGETS, Recipe, Setting, id_of, made, scale_of
from unmix.learn.schema import GridRun, Listed
from unmix.training.planted import APART, Pupil, learn
from unmix.worlds.world import Listed as ListedWorld
from unmix.worlds.world import World

HELD = 512
"""Tokens that lie beside the page."""


class Trained(NamedTuple):
    """A run of the grid, and the dictionary that came of it."""

    run: GridRun
    dictionary: Dictionary


class Held(NamedTuple):
    """Tokens that lie beside the page: as a world of their own, as numbers, and their code."""

    world: World
    numbers: bytes
    """x, then directions, float32."""
    listed: Listed


def train(all_of: Sequence[Setting], seed: int, recipe: Recipe) -> list[Trained]:
    """Train some settings of one world on the same batches, and measure each."""
    world = made(all_of[0].world, seed)
    scale = scale_of(world)
    pupils = {one.name: Pupil(one.config(seed, scale=scale)) for one in all_of}
    taught = learn(world, pupils, steps=recipe.steps, batch=recipe.batch, seed=seed)
    held = held_out(world).world if seed == 0 else None
    return [_trained(one, taught[one.name], seed, recipe, world=world, held=held) for one in all_of]


def _trained(
    one: Setting, dictionary: Dictionary, seed: int, recipe: Recipe,
    *, world: World, held: World | None,
) -> Trained:  # fmt: skip
    """Return a run of the grid with all its numbers."""
    is_read = one.kind == "topk" and one.world == "flat"
    run = GridRun(
        id=id_of(one, seed, origin="drawn", recipe=recipe),
        world=one.world,
        kind=one.kind,
        setting=one.setting,
        seed=seed,
        origin="drawn",
        steps=recipe.steps,
        read_time=read_with(world, dictionary, BUDGETS) if is_read else None,
        weights=None if held is None else f"weights/{one.name}.bin",
        heldout=None if held is None else measured(held, dictionary, n=HELD),
        **measured(world, dictionary, n=recipe.tokens).model_dump(),
    )
    return Trained(run, dictionary)


def held_out(world: World) -> Held:
    """Return the tokens of a world that lie beside the page: no run learns from them."""
    sample = world.sample(HELD, seed=3 * APART)
    acts = sample.code.dense()
    one = ListedWorld(sample.x.double(), acts.double(), world.directions.double())
    one.directions, one.parents = world.directions, world.parents
    listed = Listed(
        n=HELD,
        d=world.width,
        F=world.n_features,
        parents=world.parents.tolist(),
        offsets=sample.code.offsets.tolist(),
        features=sample.code.latents.tolist(),
        values=[float(np.float32(v)) for v in sample.code.values.tolist()],
    )
    return Held(one, raw(sample.x) + raw(world.directions), listed)


def weights(dictionary: Dictionary, *, dtype: str = "<f4") -> bytes:
    """Return the numbers of a dictionary, one parameter after the other."""
    parts: list[Tensor] = [dictionary.W_enc, dictionary.b_enc, dictionary.W_dec, dictionary.b_pre]
    sparsity = dictionary.sparsity
    if isinstance(sparsity, JumpReLU):
        parts.append(sparsity.log_threshold.exp())
    elif isinstance(sparsity, Gated):
        parts += [sparsity.r_mag, sparsity.b_mag]
    return b"".join(raw(part, dtype=dtype) for part in parts)


def raw(numbers: Tensor, *, dtype: str = "<f4") -> bytes:
    """Return numbers as they lie in a file."""
    return numbers.detach().to(torch.float32).contiguous().numpy().astype(dtype).tobytes()
