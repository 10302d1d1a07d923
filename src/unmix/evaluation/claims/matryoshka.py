"""Balanced Matryoshka between absorption and hedging."""

from unmix.evaluation.claims.claim import Claim, Numbers, Rule, pupil, scores
from unmix.training.planted import learn, of_truth
from unmix.worlds.small import hedging

NAMES = ("FVU", "MCC", "child's lean", "parent's lean", "absorption")


def numbers(seed: int) -> Numbers:
    """Train a plain, a balanced and an unbalanced dictionary from the truth."""
    world = hedging(children=(0.15, 0.15, 0.15), seed=seed)
    shared = {"seed": seed, "recipe": "bricken", "weight": 0.03, "aux": 0, "lr": 2e-3}
    nested = {"prefixes": (1,)}
    pupils = {
        "plain": pupil("relu", 4, 1, **shared),
        "balanced": pupil("relu", 4, 1, **shared, **nested, prefix_weight=0.25),
        "matryoshka": pupil("relu", 4, 1, **shared, **nested, prefix_weight=1.0),
    }
    start = of_truth(world, pupils["plain"].config)
    pupils = {name: one._replace(start=start) for name, one in pupils.items()}
    taught = learn(world, pupils, steps=2500, batch=512, seed=seed, is_scaled=False)
    return scores(world, taught, NAMES, seed=seed)


CLAIM = Claim(
    name="matryoshka",
    says="A plain dictionary absorbs, a Matryoshka dictionary hedges, and one with its inner loss "
    "weighed by a quarter is nearer the truth than both, though it rebuilds worse than the plain",
    source="Chanin et al. 2025 (arXiv 2505.11756)",
    worlds=("hedging",),
    numbers=numbers,
    rules=(
        Rule("plain: child's lean", lambda n: n["child's lean, plain"], 0.2),
        Rule("matryoshka: parent's lean", lambda n: n["parent's lean, matryoshka"], 0.05),
        Rule("MCC over the plain", lambda n: n["MCC, balanced"] - n["MCC, plain"], 0.02),
        Rule("MCC over the unbalanced", lambda n: n["MCC, balanced"] - n["MCC, matryoshka"], 0.003),
        Rule("FVU over the plain", lambda n: n["FVU, balanced"] - n["FVU, plain"], 0.001),
    ),
)
