"""Absorption is where the objective leads, even from the true dictionary."""

from unmix.evaluation.claims.claim import Claim, Numbers, Rule, pupil, scores
from unmix.training.planted import learn, of_truth
from unmix.worlds.small import absorption

NAMES = ("FVU", "MCC", "L0", "F1")
HIERARCHY = ("absorption", "missed alone", "child's lean")


def numbers(seed: int) -> Numbers:
    """Train with a little L1, from the truth, with and without a hierarchy."""
    made: Numbers = {}
    for name in ("below", "beside"):
        world = absorption(hierarchical=name == "below", seed=seed)
        one = pupil("relu", 4, 1, seed=seed, recipe="bricken", weight=0.02, aux=0, lr=2e-3)
        one = one._replace(start=of_truth(world, one.config))
        taught = learn(world, {name: one}, steps=2500, batch=512, seed=seed, is_scaled=False)
        names = (*NAMES, *HIERARCHY) if name == "below" else NAMES
        made |= scores(world, taught, names, seed=seed)
    return made


CLAIM = Claim(
    name="absorption",
    says="With a hierarchy, L1 leads away from the true dictionary to one whose parent is silent "
    "on its child, and the error does not show it; without one the truth stays",
    source="Chanin et al. 2024 (arXiv 2409.14507)",
    worlds=("absorption",),
    numbers=numbers,
    rules=(
        Rule("parent silent on the child", lambda n: n["absorption, below"], 0.9),
        Rule("parent silent elsewhere", lambda n: n["missed alone, below"], most=0.05),
        Rule(
            "the child's latent's cosine with the parent", lambda n: n["child's lean, below"], 0.6
        ),
        Rule("FVU", lambda n: n["FVU, below"], most=0.005),
        Rule("latents saved", lambda n: n["L0, beside"] - n["L0, below"], 0.03),
        Rule("MCC without the hierarchy", lambda n: n["MCC, beside"], 0.999),
    ),
)
