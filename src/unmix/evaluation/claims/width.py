"""More latents: better error, worse parents."""

from unmix.evaluation.claims.claim import Claim, Numbers, Rule, pupil, scores
from unmix.training.planted import learn
from unmix.worlds.small import nabeshima

NAMES = ("explained variance", "MCC", "uniqueness", "F1", "absorption")
WIDTHS = (10, 20, 80)


def numbers(seed: int) -> Numbers:
    """Train three widths with one L1 weight."""
    world = nabeshima(seed=seed)
    pupils = {
        f"{m}": pupil("relu", m, 1, seed=seed, recipe="bricken", weight=0.4, aux=0) for m in WIDTHS
    }
    taught = learn(world, pupils, steps=2000, batch=512, seed=seed)
    return scores(world, taught, NAMES, seed=seed)


CLAIM = Claim(
    name="width",
    says="Doubling the latents of an L1 dictionary explains far more variance and absorbs more; "
    "surplus latents crowd around the same features",
    source="Nabeshima 2024; Chanin et al. 2024 (arXiv 2409.14507)",
    worlds=("nabeshima",),
    numbers=numbers,
    rules=(
        Rule(
            "rise of explained variance from 10 to 20",
            lambda n: n["explained variance, 20"] - n["explained variance, 10"],
            0.15,
        ),
        Rule("rise of absorption", lambda n: n["absorption, 20"] - n["absorption, 10"], 0.2),
        Rule(
            "fall of uniqueness from 20 to 80",
            lambda n: n["uniqueness, 20"] - n["uniqueness, 80"],
            0.4,
        ),
    ),
)
