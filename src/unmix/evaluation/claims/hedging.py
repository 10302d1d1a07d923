"""One latent for a parent and its child: where it points."""

import math

from unmix.evaluation import matching
from unmix.evaluation.claims.claim import Claim, Numbers, Rule, pupil
from unmix.training.planted import learn, of_truth
from unmix.worlds.small import hedging

WANTED = math.sqrt(0.5 + 0.8 / (2 * math.hypot(0.8, 0.4)))
"""First entry of the first eigenvector of [[1, .2], [.2, .2]]: .973."""


def numbers(seed: int) -> Numbers:
    """Train a single latent, begun at the parent, with the child below it and beside it."""
    made: Numbers = {}
    for name in ("below", "beside"):
        world = hedging(hierarchical=name == "below", seed=seed)
        one = pupil("relu", 1, 1, seed=seed, recipe="bricken", weight=1e-3, aux=0)
        one = one._replace(start=of_truth(world, one.config))
        taught = learn(world, {name: one}, steps=2000, batch=512, seed=seed, is_scaled=False)
        cosines = matching.cosines(taught[name].W_dec, world.directions)[0]
        made[f"cosine with the parent, {name}"] = float(cosines[0])
        made[f"cosine with the child, {name}"] = float(cosines[1])
    return made


CLAIM = Claim(
    name="hedging",
    says="A latent that stands alone for a parent with a child points between them, near the first "
    "eigenvector of their second moments; for an independent child it points at the parent",
    source="Chanin et al. 2025 (arXiv 2505.11756)",
    worlds=("hedging",),
    numbers=numbers,
    rules=(
        Rule("cosine with the child", lambda n: n["cosine with the child, below"], 0.15),
        Rule(
            "cosine with the parent off the eigenvector's",
            lambda n: abs(n["cosine with the parent, below"] - WANTED),
            most=0.02,
        ),
        Rule(
            "beside: cosine with the child, unsigned",
            lambda n: abs(n["cosine with the child, beside"]),
            most=0.05,
        ),
    ),
)
