"""A TopK dictionary read with more latents than it learnt with."""

import copy

from unmix.dictionaries.sparsity import TopK
from unmix.evaluation.claims.claim import Claim, Numbers, Rule, pupil, scores
from unmix.training.planted import learn
from unmix.worlds.small import flat

TAUGHT, READ = 3, (2, 3, 8)
"""The true L0 is 3."""


def numbers(seed: int) -> Numbers:
    """Train at the true L0 and read at three budgets; train at the largest, too."""
    world = flat(n_features=32, width=20, active=TAUGHT, noise=0.02, seed=seed)
    budgets = (TAUGHT, READ[-1])
    pupils = {f"learnt at {k}": pupil("topk", 32, k, seed=seed, lr=1e-2) for k in budgets}
    taught = learn(world, pupils, steps=2000, batch=256, seed=seed)
    read = {}
    for k in READ:
        other = copy.deepcopy(taught[f"learnt at {TAUGHT}"])
        other.sparsity = TopK(k)
        read[f"read at {k}"] = other
    read |= {f"learnt at {READ[-1]}": taught[f"learnt at {READ[-1]}"]}
    return scores(world, read, ("FVU",), seed=seed)


CLAIM = Claim(
    name="read_more",
    says="A TopK dictionary read with more latents than it learnt with rebuilds worse, though one "
    "that learnt with as many rebuilds better",
    source="Gao et al. 2024, section 5.3",
    worlds=("flat",),
    numbers=numbers,
    rules=(
        Rule("rise of FVU from 3 to 8", lambda n: n["FVU, read at 8"] - n["FVU, read at 3"], 0.01),
        Rule("fall of FVU from 2 to 3", lambda n: n["FVU, read at 2"] - n["FVU, read at 3"], 0.05),
        Rule(
            "FVU, learnt at 3 less learnt at 8",
            lambda n: n["FVU, read at 3"] - n["FVU, learnt at 8"],
            0.01,
        ),
    ),
)
