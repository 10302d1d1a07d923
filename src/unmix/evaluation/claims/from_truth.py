"""Begun at the true dictionary of a tree with a tight budget, training leaves it."""

from unmix.evaluation.claims.claim import Claim, Numbers, Rule, pupil, scores
from unmix.training.planted import learn, of_truth
from unmix.worlds.small import tree

NAMES = ("FVU", "MCC", "F1", "absorption", "missed alone", "child's lean")


def numbers(seed: int) -> Numbers:
    """Fit the encoder to the true directions, then let directions move, for two budgets."""
    world = tree(seed=seed)
    held, freed = {}, {}
    for k in (2, 8):
        one = pupil("topk", 32, k, seed=seed)
        held[f"truth {k}"] = one._replace(start=of_truth(world, one.config), frozen=True)
    fitted = learn(world, held, steps=1000, batch=512, seed=seed)
    for k in (2, 8):
        freed[f"freed {k}"] = pupil("topk", 32, k, seed=seed, start=fitted[f"truth {k}"])
    taught = learn(world, freed, steps=1500, batch=512, seed=seed + 100)
    return scores(world, {**fitted, **taught}, NAMES, seed=seed)


CLAIM = Claim(
    name="from_truth",
    says="With fewer latents a token than parts, training that begins at the true dictionary ends "
    "at a wrong one that rebuilds better and absorbs; with enough of them it stays near",
    source="made here, after Chanin et al. 2024",
    worlds=("tree",),
    numbers=numbers,
    rules=(
        Rule("fall of FVU", lambda n: n["FVU, truth 2"] - n["FVU, freed 2"], 0.08),
        Rule("fall of MCC", lambda n: n["MCC, truth 2"] - n["MCC, freed 2"], 0.1),
        Rule(
            "rise of absorption", lambda n: n["absorption, freed 2"] - n["absorption, truth 2"], 0.2
        ),
        Rule("child's lean", lambda n: n["child's lean, freed 2"], 0.3),
        Rule("MCC kept with 8 over with 2", lambda n: n["MCC, freed 8"] - n["MCC, freed 2"], 0.05),
    ),
)
