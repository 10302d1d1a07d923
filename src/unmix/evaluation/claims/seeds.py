"""Two seeds: wider dictionaries know more of the truth and less of each other."""

from unmix.evaluation import matching
from unmix.evaluation.claims.claim import Claim, Numbers, Rule, pupil, scores
from unmix.training.planted import learn
from unmix.worlds.small import superposed

WIDTHS = (40, 160)


def numbers(seed: int) -> Numbers:
    """Train each width from two starts on the same tokens."""
    world = superposed(
        n_features=40, width=20, chance=0.05, low=0.8, high=1.2, is_apart=True, seed=seed
    )
    pupils = {
        f"{m} {twin}": pupil("batch-topk", m, 2, seed=seed + 1000 * twin)
        for m in WIDTHS
        for twin in (0, 1)
    }
    taught = learn(world, pupils, steps=1500, batch=512, seed=seed)
    first = {f"{m}": taught[f"{m} 0"] for m in WIDTHS}
    made = scores(world, first, ("MCC", "FVU"), seed=seed)
    for m in WIDTHS:
        two = matching.cosines(taught[f"{m} 0"].W_dec, taught[f"{m} 1"].W_dec)
        made[f"PW-MCC, {m}"] = float(matching.partners(two).cosines.mean())
    return made


CLAIM = Claim(
    name="seeds",
    says="With more latents than features dictionaries of two seeds agree less with each other "
    "while the features are found better",
    source="Paulo and Belrose 2025 (arXiv 2501.16615); Song et al. 2025 (arXiv 2505.20254)",
    worlds=("superposed",),
    numbers=numbers,
    rules=(
        Rule("fall of PW-MCC from 40 to 160", lambda n: n["PW-MCC, 40"] - n["PW-MCC, 160"], 0.05),
        Rule("rise of MCC", lambda n: n["MCC, 160"] - n["MCC, 40"], 0.01),
    ),
)
