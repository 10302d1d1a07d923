"""Numbers that the page's own kernel must reproduce: steps of training, and codes of every kind.

Data are written out, not seeds, so that no generator has to be the same in two languages.  No
latent dies in so few steps, and AuxK is off, as it is in the page.

Axes: n tokens, d width, m latents.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.scaling import identity
from unmix.dictionaries.sparsity import Gated, JumpReLU
from unmix.learn.schema import Coded, Kind, Parameters, Parity, Trained
from unmix.training.build import new_dictionary
from unmix.training.config import DictionaryConfig
from unmix.training.learner import Learner, Length
from unmix.training.schedules import ramp, trapezoid
from unmix.worlds.small import plane

TOLERANCE = 1e-4
STEPS, BATCH, SAMPLES = 20, 32, 64
KEPT = (1, 10, 20)
LATENTS, LR, WEIGHT = 8, 1e-2, 0.2
WARM_UP, DECAY = 0.05, 0.2
KINDS: tuple[Kind, ...] = ("topk", "relu", "gated", "jumprelu")


def parity() -> Parity:
    """Return the numbers."""
    world = plane()
    batches = [world.sample(BATCH, number=i).x for i in range(STEPS)]
    samples = world.sample(SAMPLES, seed=1).x
    return Parity(
        tolerance=TOLERANCE,
        d=world.width,
        m=LATENTS,
        n=BATCH,
        batches=[_flat(x) for x in batches],
        train=[_trained(kind, batches) for kind in ("topk", "relu")],
        samples=_flat(samples),
        codes=[_coded(kind, samples) for kind in KINDS],
    )


def _config(kind: Kind) -> DictionaryConfig:
    k = 2 if kind == "topk" else 1
    more = {"recipe": "bricken", "weight": WEIGHT} if kind == "relu" else {}
    shared = {"kind": kind, "latents": LATENTS, "k": k, "lr": LR, "aux": 0}
    return DictionaryConfig.model_validate(shared | more)


def _trained(kind: Kind, batches: list[Float[Tensor, "n d"]]) -> Trained:
    """Return the parameters along some steps of training."""
    config = _config(kind)
    length = Length(STEPS, BATCH, WARM_UP, DECAY)
    learner = Learner(config, identity(batches[0].shape[1]), target=None, length=length)
    start, after = _parameters(learner.dictionary), {}
    for number, x in enumerate(batches, 1):
        learner.step(x, x, number)
        if number in KEPT:
            after[str(number)] = _parameters(learner.dictionary)
    steps = range(1, STEPS + 1)
    assert config.clip is not None
    return Trained(
        kind=kind,
        k=int(config.k),
        weight=[WEIGHT * ramp(i, STEPS, warm_up=WARM_UP) for i in steps] if config.weight else [],
        beta1=0.9,
        clip=config.clip,
        lr=[LR * trapezoid(i, STEPS, warm_up=WARM_UP, decay=DECAY) for i in steps],
        start=start,
        after=after,
    )


def _coded(kind: Kind, samples: Float[Tensor, "n d"]) -> Coded:
    """Return the acts of a dictionary whose every parameter has a say."""
    config = _config(kind)
    dictionary = new_dictionary(config, samples.shape[1])
    draw = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for part in dictionary.parameters():
            part.add_(0.1 * torch.randn(part.shape, generator=draw))
        acts = dictionary.eval().encode(samples).dense()
    return Coded(kind=kind, k=int(config.k), weights=_parameters(dictionary), acts=_flat(acts))


def _parameters(dictionary: Dictionary) -> Parameters:
    """Return every parameter as a list."""
    sparsity, more = dictionary.sparsity, {}
    if isinstance(sparsity, JumpReLU):
        more = {"threshold": _flat(sparsity.log_threshold.exp())}
    elif isinstance(sparsity, Gated):
        more = {"r_mag": _flat(sparsity.r_mag), "b_mag": _flat(sparsity.b_mag)}
    names = ("W_enc", "b_enc", "W_dec", "b_pre")
    lists = {name: _flat(getattr(dictionary, name)) for name in names}
    return Parameters.model_validate(lists | more)


def _flat(numbers: Tensor) -> list[float]:
    """Return numbers as a list, with as many digits as float32 has."""
    return [float(f"{v:.9g}") for v in numbers.detach().flatten().tolist()]
