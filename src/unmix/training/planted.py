"""Learn a world whose features are known.

    truth = world("tree")
    learnt = learn(truth, {"it": Pupil(DictionaryConfig(latents=32, k=3))}, steps=2000)["it"]

The loop is the one that every run takes; here its batches are drawn.  Pupils of one call learn
from the same batches.

Axes: n tokens, d activation width, m latents.
"""

import copy
from collections.abc import Iterator, Mapping
from itertools import count
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.scaling import Scaling, fold, identity
from unmix.dictionaries.sparsity import Gated
from unmix.errors import UserError
from unmix.training.build import new_dictionary
from unmix.training.config import DictionaryConfig
from unmix.training.learner import Learner, Length
from unmix.training.loop import fit
from unmix.worlds.world import World

SITE = "x"
"""What the loop calls a world's activations."""
MEASURED = 16_384
"""Tokens that centring and scaling are measured on."""
APART = 2**40
"""What is added to a seed for tokens that are not learnt from."""


class Pupil(NamedTuple):
    """One dictionary that is to learn."""

    config: DictionaryConfig
    start: Dictionary | None = None
    """Where it begins, on raw activations; drawn from the config's seed if not given."""
    frozen: bool = False
    """Whether its directions stay where they begin: a control."""


def learn(
    world: World,
    pupils: Mapping[str, Pupil],
    *,
    steps: int,
    batch: int = 512,
    seed: int = 0,
    is_scaled: bool = True,
) -> dict[str, Dictionary]:
    """Return the dictionaries that pupils have learnt, for use on raw activations.

    Args:
        seed: Decides the tokens that are learnt from.
        is_scaled: Whether activations are centred and scaled for training, as every run does;
            without it a penalty's weight is in the units of the world.
    """
    learners = learners_of(world, pupils, steps=steps, batch=batch, is_scaled=is_scaled)
    batches = batches_of(world, batch, seed=seed)
    device = world.directions.device.type
    for _ in fit(learners, batches, site=SITE, steps=steps, device=device):
        pass
    return {name: learner.finished() for name, learner in learners.items()}


def learners_of(
    world: World, pupils: Mapping[str, Pupil], *, steps: int, batch: int, is_scaled: bool = True
) -> dict[str, Learner]:
    """Return learners at their beginning, for `unmix.training.loop.fit`."""
    scaling = scaling_of(world) if is_scaled else identity(world.width)
    length = Length(steps, batch, 0.05, 0.2)
    device = world.directions.device.type
    made = {}
    for name, pupil in pupils.items():
        learner = Learner(
            pupil.config, scaling, target=None, length=length, frozen=pupil.frozen, device=device
        )
        if pupil.start is not None:
            _begin(learner, pupil.start, scaling)
        made[name] = learner
    return made


def batches_of(
    world: World, batch: int, *, seed: int = 0, first: int = 0
) -> Iterator[dict[str, Float[Tensor, "n d"]]]:
    """Yield batches in the form the loop takes, from batch `first` on."""
    return ({SITE: world.sample(batch, seed=seed, number=i).x} for i in count(first))


def scaling_of(world: World) -> Scaling:
    """Return the centring and scaling of a world, measured on tokens that nobody learns from."""
    x = world.sample(MEASURED, seed=APART).x
    mean = x.double().mean(0)
    variance = (x.double() - mean).square().mean()
    return Scaling(mean.float(), float(variance.clamp_min(1e-12).sqrt()))


def of_truth(world: World, config: DictionaryConfig) -> Dictionary:
    """Return a dictionary with the true directions, its encoder tied to them and not yet fitted.

    Latents beyond the features stay as they are drawn; features beyond the latents are left out.
    """
    dictionary = new_dictionary(config, world.width).to(world.directions.device)
    known = world.directions[: dictionary.n_latents]
    with torch.no_grad():
        dictionary.W_dec[: len(known)] = known
        dictionary.W_enc[: len(known)] = known
        dictionary.b_enc.zero_()
        if isinstance(dictionary.sparsity, Gated):
            dictionary.sparsity.b_mag.zero_()
    return dictionary.eval()


def widened(dictionary: Dictionary, config: DictionaryConfig) -> Dictionary:
    """Return a dictionary that is larger by latents drawn anew; the rest is as it was."""
    if config.latents < dictionary.n_latents:
        raise UserError(
            f"{config.latents} latents are fewer than the {dictionary.n_latents} there are; "
            "raise `latents`"
        )
    larger = new_dictionary(config, dictionary.d_in).to(dictionary.W_enc.device)
    here = dictionary.state_dict()
    with torch.no_grad():
        for name, there in larger.state_dict().items():
            part = there if there.shape == here[name].shape else there[: dictionary.n_latents]
            part.copy_(here[name])
    return larger.eval()


def _begin(learner: Learner, start: Dictionary, scaling: Scaling) -> None:
    """Have a learner begin where a dictionary on raw activations is."""
    if start.W_dec.shape != learner.dictionary.W_dec.shape:
        raise UserError(
            f"a start of shape {tuple(start.W_dec.shape)} does not fit a dictionary of shape "
            f"{tuple(learner.dictionary.W_dec.shape)}; give one of the same size"
        )
    back = Scaling(-scaling.mean / scaling.scale, 1 / scaling.scale)
    learner.dictionary.load_state_dict(fold(start, back).state_dict())
    if learner.average is not None:
        learner.average = copy.deepcopy(learner.dictionary)
