"""Good fidelity without a single feature found."""

from unmix.evaluation.claims.claim import Claim, Numbers, Rule, pupil, scores
from unmix.training.planted import learn
from unmix.worlds.small import sanity

NAMES = ("explained variance", "recovered > 0.8", "MMCS", "F1")


def numbers(seed: int) -> Numbers:
    """Train beside a twin with frozen directions, in a world of far too many features."""
    world = sanity(n_features=512, width=32, active=6.4, seed=seed)
    one = pupil("batch-topk", 512, 6.4, seed=seed)
    pupils = {"learnt": one, "frozen": one._replace(frozen=True)}
    taught = learn(world, pupils, steps=1200, batch=512, seed=seed)
    return scores(world, taught, NAMES, seed=seed)


CLAIM = Claim(
    name="controls",
    says="With far too many features, random directions that never move keep most of the explained "
    "variance, and neither they nor what is learnt finds a feature; MMCS hardly tells them apart",
    source="Korznikov et al. 2026 (arXiv 2602.14111)",
    worlds=("sanity",),
    numbers=numbers,
    rules=(
        Rule("explained variance learnt", lambda n: n["explained variance, learnt"], 0.5),
        Rule(
            "kept by frozen directions",
            lambda n: n["explained variance, frozen"] / n["explained variance, learnt"],
            0.65,
        ),
        Rule("share recovered", lambda n: n["recovered > 0.8, learnt"], most=0.02),
        Rule(
            "MMCS learnt less frozen",
            lambda n: n["MMCS, learnt"] - n["MMCS, frozen"],
            most=0.08,
        ),
    ),
)
