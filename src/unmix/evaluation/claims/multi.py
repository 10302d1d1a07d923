"""Multi-TopK: what learning with four times as many latents beside does to reading with more."""

import copy

from unmix.dictionaries.sparsity import TopK
from unmix.evaluation.claims.claim import Claim, Numbers, Rule, pupil, scores
from unmix.training.planted import learn
from unmix.worlds.small import flat

TAUGHT, READ = 3, (3, 8)
"""The true L0 is 3; Multi-TopK also learns with 12."""


def numbers(seed: int) -> Numbers:
    """Train at the true L0, without and with more beside; read both with more."""
    world = flat(n_features=32, width=20, active=TAUGHT, noise=0.02, seed=seed)
    pupils = {
        name: pupil("topk", 32, TAUGHT, seed=seed, lr=1e-2, more=more)
        for name, more in (("plain", 0), ("multi", 1 / 8))
    }
    taught = learn(world, pupils, steps=2000, batch=256, seed=seed)
    read = {}
    for name, dictionary in taught.items():
        for k in READ:
            other = copy.deepcopy(dictionary)
            other.sparsity = TopK(k)
            read[f"{name} read at {k}"] = other
    return scores(world, read, ("FVU",), seed=seed)


CLAIM = Claim(
    name="multi",
    says="Multi-TopK, which learns with four times as many latents beside, repairs reading with "
    "more: the error no longer rises, at little cost where it is read as it learnt",
    source="Gao et al. 2024, section 5.3",
    worlds=("flat",),
    numbers=numbers,
    rules=(
        Rule(
            "fall of FVU at 8 by it",
            lambda n: n["FVU, plain read at 8"] - n["FVU, multi read at 8"],
            0.01,
        ),
        Rule(
            "rise of FVU from 3 to 8 with it",
            lambda n: n["FVU, multi read at 8"] - n["FVU, multi read at 3"],
            most=0.0,
        ),
        Rule(
            "rise of FVU at 3 by it",
            lambda n: n["FVU, multi read at 3"] - n["FVU, plain read at 3"],
            most=0.05,
        ),
    ),
)
