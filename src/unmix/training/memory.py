"""What a run will hold in memory, said before it starts."""

from collections.abc import Callable

import torch

from unmix.dictionaries.kernels.plain import SLAB
from unmix.errors import UserError
from unmix.models.memory import free_memory, spoken
from unmix.training.config import Rule, TrainConfig

REMEMBERED: dict[Rule, int] = {"adam": 8, "adam8": 2, "signum": 4, "muon": 4}
"""Bytes that a rule of `optimiser.py` remembers of a parameter."""


def check(config: TrainConfig, width: int, buffer: int, report: Callable[[str], None]) -> None:
    """Report the plan in bytes; refuse one that exceeds the machine's memory.

    A parameter takes itself, its gradient and what the optimiser remembers of it, one of the
    encoder a byte more for its estimates, a pre-activation 4; of these a slab is held at once.
    """
    variants = list(config.variants().values())
    if config.frozen_control:
        variants.append(variants[0])
    weights = sum(((8 + REMEMBERED[v.optimiser]) * 2 + 1) * v.latents * width for v in variants)
    batch = 4 * min(config.batch * max(v.latents for v in variants), SLAB)
    report(
        f"memory: {spoken(buffer)} buffer, {spoken(weights)} weights and optimiser, "
        f"{spoken(batch)} pre-activations"
    )
    there = free_memory(torch.device(config.device))
    if buffer + weights + batch > there:
        raise UserError(
            f"this run needs {spoken(buffer + weights + batch)} of memory and "
            f"{spoken(there)} are free; lower `buffer`, `latents` or the number of dictionaries"
        )
