"""Who shrinks: relative bias at about the same L0."""

from unmix.evaluation.claims.claim import Claim, Numbers, Rule, pupil, scores
from unmix.training.planted import learn
from unmix.worlds.small import superposed

UNBIASED = ("topk", "batch-topk", "gated", "jumprelu")
NAMES = ("relative bias", "L0", "FVU", "F1", "refine ratio")


def numbers(seed: int) -> Numbers:
    """Train five kinds towards an L0 of 3 on the same tokens."""
    world = superposed(seed=seed)
    pupils = {kind: pupil(kind, 64, 3, seed=seed) for kind in (*UNBIASED, "relu")}
    taught = learn(world, pupils, steps=2000, batch=512, seed=seed)
    return scores(world, taught, NAMES, seed=seed)


CLAIM = Claim(
    name="bias",
    says="TopK, BatchTopK, Gated and JumpReLU have a relative bias within .02 of 1; L1 at that L0 "
    "is far below, and its acts could be larger with the same latents on",
    source="Rajamanoharan et al. 2024a, section 5.2; Gao et al. 2024, section 5.1",
    worlds=("superposed",),
    numbers=numbers,
    rules=(
        Rule(
            "furthest from 1 of the four",
            lambda n: max(abs(n[f"relative bias, {kind}"] - 1) for kind in UNBIASED),
            most=0.02,
        ),
        Rule("1 less L1's", lambda n: 1 - n["relative bias, relu"], 0.08),
        Rule(
            "refine ratio, L1's over the largest of the four",
            lambda n: n["refine ratio, relu"] / max(n[f"refine ratio, {k}"] for k in UNBIASED),
            1.05,
        ),
    ),
)
