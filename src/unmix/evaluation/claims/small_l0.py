"""Too small a budget with correlated features: mixed, and the error prefers it."""

from unmix.evaluation import matching
from unmix.evaluation.claims.claim import Claim, Numbers, Rule, pupil, scores
from unmix.training.planted import learn, of_truth
from unmix.worlds.small import correlated, pair

NAMES = ("FVU", "MCC", "c_dec", "F1")
RIGHT, SMALL, LARGE = 11, 5, 18
"""The true L0 is 10.9."""


def numbers(seed: int) -> Numbers:
    """Train below, at and above the true L0, with the true dictionary cut to the small budget."""
    world = correlated(seed=seed)
    pupils = {
        f"k {k}": pupil("batch-topk", 50, k, seed=seed, lr=2e-3) for k in (RIGHT, SMALL, LARGE)
    }
    cut = pupil("batch-topk", 50, SMALL, seed=seed, lr=2e-3)
    pupils["truth"] = cut._replace(start=of_truth(world, cut.config), frozen=True)
    taught = learn(world, pupils, steps=2000, batch=512, seed=seed)
    made = scores(world, taught, NAMES, seed=seed)
    for rho in (0.4, 0.0, -0.4):
        made[f"mixing, {rho:+g}"] = _mixing(rho, seed)
    return made


def _mixing(correlation: float, seed: int) -> float:
    """Return the mean cosine of the other features' latents with the first feature."""
    world = pair(correlation=correlation, seed=seed)
    one = pupil("batch-topk", 5, 1.8, seed=seed)
    start = of_truth(world, one.config)
    taught = learn(world, {"it": one._replace(start=start)}, steps=800, batch=512, seed=seed)
    cosines = matching.cosines(taught["it"].W_dec, world.directions)
    pairs = matching.partners(cosines)
    others = pairs.latents[pairs.features > 0]
    sign = cosines[others, pairs.features[pairs.features > 0]].sign()
    return float((sign * cosines[others, 0]).mean())


CLAIM = Claim(
    name="small_l0",
    says="Below the true L0 a dictionary mixes features that go together, with the sign of their "
    "correlation, and rebuilds better than the true dictionary at that L0",
    source="Chanin and Garriga-Alonso 2025 (arXiv 2508.16560)",
    worlds=("correlated", "pair"),
    numbers=numbers,
    rules=(
        Rule("MCC at the true L0", lambda n: n[f"MCC, k {RIGHT}"], 0.9),
        Rule("fall of MCC below it", lambda n: n[f"MCC, k {RIGHT}"] - n[f"MCC, k {SMALL}"], 0.1),
        Rule(
            "error of the truth over that of what was learnt",
            lambda n: n["FVU, truth"] / n[f"FVU, k {SMALL}"],
            1.2,
        ),
        Rule(
            "c_dec below over at the true L0",
            lambda n: n[f"c_dec, k {SMALL}"] / n[f"c_dec, k {RIGHT}"],
            2,
        ),
        Rule(
            "c_dec above over at the true L0",
            lambda n: n[f"c_dec, k {LARGE}"] / n[f"c_dec, k {RIGHT}"],
            1.1,
        ),
        Rule("mixing at +.4", lambda n: n["mixing, +0.4"], 0.1),
        Rule("mixing at -.4", lambda n: n["mixing, -0.4"], most=-0.1),
        Rule("mixing without correlation, unsigned", lambda n: abs(n["mixing, +0"]), most=0.03),
    ),
)
