"""L1 with perfect features: the closed form.

With features at right angles of strength 1 and chance p, unit directions, a learnt bias and the
loss `|x - x'|^2 + w sum z`, every act and the relative bias are `s = 1 - w / (2 (1 - p))` and the
error is `FVU = (1 - s)^2`, while every feature is found.
"""

from unmix.evaluation.claims.claim import Claim, Numbers, Rule, pupil, scores
from unmix.training.planted import learn, of_truth
from unmix.worlds.small import shrinkage

WEIGHTS, CHANCE = (0.1, 0.2, 0.4, 0.8), 0.05
NAMES = ("relative bias", "FVU", "MCC", "F1")


def numbers(seed: int) -> Numbers:
    """Train with four weights on the same tokens, from the truth."""
    world = shrinkage(chance=CHANCE, seed=seed)
    pupils = {
        f"{w:g}": pupil("relu", 20, 1, seed=seed, recipe="bricken", weight=w, aux=0)
        for w in WEIGHTS
    }
    start = of_truth(world, pupils["0.1"].config)
    pupils = {name: one._replace(start=start) for name, one in pupils.items()}
    taught = learn(world, pupils, steps=1500, batch=512, seed=seed, is_scaled=False)
    return scores(world, taught, NAMES, seed=seed)


def _shrunk(weight: float) -> float:
    return 1 - weight / (2 * (1 - CHANCE))


def _off_bias(n: Numbers) -> float:
    return max(abs(n[f"relative bias, {w:g}"] - _shrunk(w)) for w in WEIGHTS)


def _off_error(n: Numbers) -> float:
    return max(abs(n[f"FVU, {w:g}"] - (1 - _shrunk(w)) ** 2) for w in WEIGHTS)


CLAIM = Claim(
    name="shrinkage",
    says="An L1 penalty leaves perfect features perfect and makes every act too small by half its "
    "weight, exactly as the closed form says",
    source="closed form; Rajamanoharan et al. 2024a on shrinkage",
    worlds=("shrinkage",),
    numbers=numbers,
    rules=(
        Rule("relative bias off the closed form", _off_bias, most=0.01),
        Rule("FVU off the closed form", _off_error, most=0.01),
        Rule("least MCC", lambda n: min(n[f"MCC, {w:g}"] for w in WEIGHTS), 0.99),
        Rule("least F1", lambda n: min(n[f"F1, {w:g}"] for w in WEIGHTS), 0.99),
    ),
)
