"""Seeds from which random numbers of different kinds do not depend on each other."""

import numpy as np
import torch


def mixed(seed: int, *more: int | str) -> int:
    """Return one seed that a seed and what it is for decide."""
    numbers = [seed]
    for part in more:
        numbers += [part] if isinstance(part, int) else list(part.encode())
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


def draws(seed: int, use: str, *, device: torch.device | str = "cpu") -> torch.Generator:
    """Return random numbers for one use.

    A world and a dictionary that are given the same seed must not draw the same numbers: the
    dictionary would begin at the truth.
    """
    return torch.Generator(device).manual_seed(mixed(seed, use))
