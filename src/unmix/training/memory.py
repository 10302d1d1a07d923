"""What a run will hold in memory, said before it starts."""

from collections.abc import Callable

import torch

from unmix.dictionaries.kernels.plain import SLAB
from unmix.errors import UserError
from unmix.models.memory import free_memory, spoken
from unmix.training.config import TrainConfig


def check(config: TrainConfig, width: int, buffer: int, report: Callable[[str], None]) -> None:
    """Report the plan in bytes; refuse one that exceeds the machine's memory.

    A parameter takes 16 bytes (itself, its gradient, Adam's two moments), a pre-activation 4; of
    these a slab is held at once.
    """
    variants = list(config.variants().values())
    if config.frozen_control:
        variants.append(variants[0])
    weights = sum(16 * 2 * v.latents * width for v in variants)
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
