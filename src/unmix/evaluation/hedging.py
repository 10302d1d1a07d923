"""How much latents change when more of them are added: the sign of a dictionary that is too narrow.

A latent that stood in for features nobody had a latent for gives their part back once there are
latents for them.  Two dictionaries go on from one point, one of them with latents added; the rate
is the length of what old directions moved *along the new ones*, less what they would by chance,
over the length of a direction (Chanin et al. 2025, arXiv 2505.11756, section 5).

Axes: m old latents, k new latents, d width.
"""

import math
import time
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from unmix.errors import UserError
from unmix.evaluation.score import Score
from unmix.evaluation.truths import HEDGING
from unmix.training.config import DictionaryConfig
from unmix.training.planted import Pupil, learn, widened
from unmix.worlds.world import World

AGAIN = 2**39
"""What is added to a seed for the tokens of the second half."""


def hedging_rate(as_it_was: Float[Tensor, "m d"], widened: Float[Tensor, "w d"]) -> float:
    """Return the hedging rate, between 0 and 1.

    Args:
        as_it_was: Directions of the dictionary that went on without new latents.
        widened: Directions of the one with new latents, which come after the old ones.
    """
    m, d = as_it_was.shape
    new = widened[m:].double()
    if not 0 < len(new) < d:
        raise UserError(
            f"{len(new)} new latents in {d} dimensions say nothing; add more than 0 and fewer"
        )
    moved = (widened[:m] - as_it_was).double()
    length = float(as_it_was.double().norm(dim=1).mean())
    along = float(along_rows(moved, new).norm(dim=1).mean()) / length
    rank = int(torch.linalg.matrix_rank(new))
    chance = expected_share(rank, d) * float(moved.norm(dim=1).mean()) / length
    return max(0.0, (along - chance) / (1 - chance))


def measure_hedging(
    world: World, config: DictionaryConfig, *, new: int, steps: int, batch: int = 512, seed: int = 0
) -> Score:
    """Train a dictionary, let it go on alone and with `new` latents more, and compare the two."""
    start = time.perf_counter()
    given: dict[str, Any] = {"steps": steps, "batch": batch}
    first = learn(world, {"it": Pupil(config)}, seed=seed, **given)["it"]
    wider = config.model_copy(update={"latents": config.latents + new})
    pupils = {"alone": Pupil(config, first), "wider": Pupil(wider, widened(first, wider))}
    gone_on = learn(world, pupils, seed=seed + AGAIN, **given)
    rate = hedging_rate(gone_on["alone"].W_dec, gone_on["wider"].W_dec)
    seconds = time.perf_counter() - start
    return replace(HEDGING, value=rate, n=2 * steps * batch, seconds=seconds)


def along_rows(x: Float[Tensor, "m d"], rows: Float[Tensor, "k d"]) -> Float[Tensor, "m d"]:
    """Return the part of each `x` that lies in the span of some rows."""
    _, values, basis = torch.linalg.svd(rows, full_matrices=False)
    basis = basis[values > values.amax() * 1e-9]
    return x @ basis.T @ basis


def expected_share(rank: int, width: int) -> float:
    """Return the mean share of a vector's length along a random subspace.

    The squared share is Beta(rank / 2, (width - rank) / 2); this is the mean of its root.
    """
    a, b = rank / 2, width / 2
    return math.exp(math.lgamma(a + 0.5) - math.lgamma(a) + math.lgamma(b) - math.lgamma(b + 0.5))
