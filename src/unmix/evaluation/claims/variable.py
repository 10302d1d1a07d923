"""As many latents a token as it has features, or as many on average: tokens differ."""

from unmix.evaluation.claims.claim import Claim, Numbers, Rule, pupil, scores
from unmix.training.planted import learn
from unmix.worlds.small import superposed

NAMES = ("FVU", "MCC", "F1", "L0")


def numbers(seed: int) -> Numbers:
    """Train TopK and BatchTopK near the true L0 of 2.56."""
    world = superposed(is_apart=True, seed=seed)
    pupils = {
        "batch-topk": pupil("batch-topk", 64, 2.56, seed=seed),
        "topk": pupil("topk", 64, 3, seed=seed),
    }
    taught = learn(world, pupils, steps=6000, batch=512, seed=seed)
    return scores(world, taught, NAMES, seed=seed)


CLAIM = Claim(
    name="variable",
    says="Where the number of features differs from token to token, BatchTopK at the true L0 finds "
    "the features, rebuilds better than TopK at as large a k, and tells better what is on",
    source="Bussmann et al. 2024 (arXiv 2412.06410)",
    worlds=("superposed",),
    numbers=numbers,
    rules=(
        Rule("BatchTopK: MCC", lambda n: n["MCC, batch-topk"], 0.98),
        Rule("FVU, TopK less BatchTopK", lambda n: n["FVU, topk"] - n["FVU, batch-topk"], 0.03),
        Rule("F1, BatchTopK less TopK", lambda n: n["F1, batch-topk"] - n["F1, topk"], 0.05),
    ),
)
