"""What scores must say of dictionaries that need not be learnt: the truth, half of it, the mean."""

import torch

from unmix.evaluation.claims.claim import Claim, Numbers, Rule, pupil, scores
from unmix.training.planted import of_truth, scaling_of
from unmix.worlds.small import shrinkage

ROUNDING = 1e-5
NAMES = ("FVU", "explained variance", "relative bias", "MCC", "F1", "refine ratio", "slope", "L0")


def numbers(seed: int) -> Numbers:
    """Measure the true dictionary, one whose acts are halved, and one that says the mean."""
    world = shrinkage(seed=seed)
    config = pupil("relu", world.n_features, 1, seed=seed, recipe="bricken", aux=0).config
    truth, halved, mean = (of_truth(world, config) for _ in range(3))
    with torch.no_grad():
        for one in (truth, halved):
            one.b_enc.fill_(-ROUNDING)  # else what is off fires by rounding errors
        halved.W_enc.mul_(0.5)
        mean.W_enc.zero_()
        mean.b_pre.copy_(scaling_of(world).mean)
    taught = {"truth": truth, "halved": halved, "mean": mean}
    return scores(world, taught, NAMES, seed=seed)


CLAIM = Claim(
    name="identities",
    says="The true dictionary of features at right angles has every score at its best; with acts "
    "halved, the error, the relative bias and the refine ratio say so and the features stay; the "
    "mean explains nothing",
    source="definitions: docs/metrics",
    worlds=("shrinkage",),
    numbers=numbers,
    rules=(
        Rule("truth: FVU", lambda n: n["FVU, truth"], most=1e-6),
        Rule("truth: relative bias", lambda n: n["relative bias, truth"], 0.9999, 1.0001),
        Rule("truth: MCC", lambda n: n["MCC, truth"], 0.9999),
        Rule("truth: F1", lambda n: n["F1, truth"], 0.9999),
        Rule("halved: slope", lambda n: n["slope, halved"], 0.4999, 0.5001),
        Rule("halved: refine ratio", lambda n: n["refine ratio, halved"], 1.999, 2.001),
        Rule("halved: MCC", lambda n: n["MCC, halved"], 0.9999),
        Rule("mean: explained variance", lambda n: n["explained variance, mean"], -0.01, 0.0),
        Rule("mean: L0", lambda n: n["L0, mean"], most=0.0),
    ),
)
