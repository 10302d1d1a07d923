"""The listing's own assertion: a low penalty against a high one."""

from unmix.evaluation.claims.claim import Claim, Numbers, Rule, pupil, scores
from unmix.training.planted import learn
from unmix.worlds.small import toy

LOW, HIGH = 0.001, 0.6
"""The listing minimises half the squared error: its 0.0005 and 0.30, doubled."""


def numbers(seed: int) -> Numbers:
    """Train on the listing's 256 tokens, all of them a step, for its 500 steps."""
    world = toy()
    pupils = {
        name: pupil("relu", 24, 3, seed=seed, recipe="bricken", weight=w, aux=0, lr=1e-2)
        for name, w in (("low", LOW), ("high", HIGH))
    }
    taught = learn(world, pupils, steps=500, batch=256, seed=seed, is_scaled=False)
    return scores(world, taught, ("FVU", "L0", "MMCS"), seed=seed)


CLAIM = Claim(
    name="toy",
    says="A high penalty makes the code sparser and the error larger than a low one",
    source="a teaching listing, after Bricken et al. 2023",
    worlds=("toy",),
    numbers=numbers,
    rules=(
        Rule("L0, low less high", lambda n: n["L0, low"] - n["L0, high"], 1),
        Rule("FVU, high less low", lambda n: n["FVU, high"] - n["FVU, low"], 0.05),
    ),
)
