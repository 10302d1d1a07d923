"""How often a dictionary finds five directions in the plane, by how many atoms it has."""

import torch

from unmix.evaluation.matching import cosines, recovered
from unmix.training.config import DictionaryConfig
from unmix.training.planted import Pupil, learn
from unmix.worlds.small import plane

RESTARTS, STEPS, BATCH = 20, 400, 128
FOUND = 0.98
"""Cosine from which a direction counts as found."""


def found_all(atoms: int) -> int:
    """Return how many of 20 dictionaries of that many atoms find all five directions."""
    world = plane()
    pupils = {
        str(seed): Pupil(
            DictionaryConfig(kind="topk", latents=atoms, k=1, seed=seed, lr=1e-2, aux=0)
        )
        for seed in range(RESTARTS)
    }
    taught = learn(world, pupils, steps=STEPS, batch=BATCH)
    shares = [recovered(cosines(one.W_dec, world.directions), FOUND) for one in taught.values()]
    return int(torch.tensor(shares).eq(1).sum())
