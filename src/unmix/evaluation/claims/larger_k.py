"""A larger budget: better reconstruction, worse features."""

from unmix.evaluation.claims.claim import Claim, Numbers, Rule, pupil, scores
from unmix.training.planted import learn
from unmix.worlds.small import superposed

BUDGETS = (1, 2, 4, 8)
NAMES = ("FVU", "MCC", "recovered > 0.9", "precision", "F1", "relative bias")


def numbers(seed: int) -> Numbers:
    """Train with budgets below and above the true L0 of 2."""
    world = superposed(
        n_features=40, width=20, chance=0.05, low=0.8, high=1.2, is_apart=True, seed=seed
    )
    pupils = {f"k {k}": pupil("batch-topk", 40, k, seed=seed) for k in BUDGETS}
    taught = learn(world, pupils, steps=2000, batch=512, seed=seed)
    return scores(world, taught, NAMES, seed=seed)


CLAIM = Claim(
    name="larger_k",
    says="Beyond the true L0 more latents a token rebuild better and find the features worse",
    source="Chanin and Garriga-Alonso 2025 (arXiv 2508.16560); Bussmann et al. 2024",
    worlds=("superposed",),
    numbers=numbers,
    rules=(
        Rule("fall of FVU from k 2 to 8", lambda n: n["FVU, k 2"] - n["FVU, k 8"], 0.05),
        Rule("fall of FVU from k 1 to 2", lambda n: n["FVU, k 1"] - n["FVU, k 2"], 0.05),
        Rule("fall of MCC from k 2 to 8", lambda n: n["MCC, k 2"] - n["MCC, k 8"], 0.1),
        Rule(
            "fall of the share recovered from k 2 to 8",
            lambda n: n["recovered > 0.9, k 2"] - n["recovered > 0.9, k 8"],
            0.3,
        ),
        Rule(
            "fall of precision from k 2 to 8",
            lambda n: n["precision, k 2"] - n["precision, k 8"],
            0.2,
        ),
    ),
)
