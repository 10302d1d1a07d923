"""In a large world rebuilding well and finding features are two things."""

from unmix.evaluation.claims.claim import Claim, Numbers, Rule, pupil, scores
from unmix.training.planted import learn
from unmix.worlds.synth import synth

NAMES = ("FVU", "MCC", "F1", "precision", "recall", "L0")
FEW, RIGHT, MANY = 3, 6, 18


def numbers(seed: int) -> Numbers:
    """Train three budgets, and one of them by a better recipe, in a small world of that kind."""
    world = synth(n_features=512, width=96, trees=16, branches=3, depth=2, seed=seed)
    pupils = {f"k {k}": pupil("batch-topk", 256, k, seed=seed) for k in (FEW, RIGHT, MANY)}
    pupils["recipe"] = pupil("batch-topk", 256, RIGHT, seed=seed, k_first=3 * RIGHT)
    taught = learn(world, pupils, steps=1000, batch=512, seed=seed)
    return scores(world, taught, NAMES, seed=seed)


CLAIM = Claim(
    name="disconnect",
    says="With many features that fall off in frequency, few latents a token are precise and miss "
    "much, many of them the reverse, and rebuild better while they tell worse what is on; a "
    "budget that falls to k over the run ends with better features than one that begins there",
    source="SynthSAEBench (Chanin et al. 2026, arXiv 2602.14687)",
    worlds=("synth",),
    numbers=numbers,
    rules=(
        Rule(
            "precision, few less many",
            lambda n: n[f"precision, k {FEW}"] - n[f"precision, k {MANY}"],
            0.2,
        ),
        Rule(
            "recall, many less few", lambda n: n[f"recall, k {MANY}"] - n[f"recall, k {FEW}"], 0.1
        ),
        Rule("FVU, right less many", lambda n: n[f"FVU, k {RIGHT}"] - n[f"FVU, k {MANY}"], 0.02),
        Rule("F1, right less many", lambda n: n[f"F1, k {RIGHT}"] - n[f"F1, k {MANY}"], 0.05),
        Rule("F1, falling less fixed", lambda n: n["F1, recipe"] - n[f"F1, k {RIGHT}"], 0.03),
    ),
)
