"""What an index takes, said before it is begun."""

import shutil
from collections.abc import Callable

import torch

from unmix.dictionaries.files import Card
from unmix.dictionaries.kernels.plain import SLAB
from unmix.errors import UserError
from unmix.index.making.blocks import ACTS
from unmix.index.making.cofiring import TOKENS
from unmix.index.making.logits import BYTES
from unmix.index.making.subject import Subject
from unmix.models.memory import free_memory, spoken

UNKNOWN = 64
"""Latents a token where neither the dictionary nor its training says how many."""
PER_POSITION = 80
"""Bytes a position takes in merging: token, document and marks, and its three classes."""
PER_ACT = 40
"""Bytes an act takes in a shard, in a block, and in the sample of firing together."""
ON_DISK = (8, 6)
"""Bytes an act takes in a part, and in the index."""
POSITION_ON_DISK = (80, 50)
"""Bytes a position takes in a part, and in the index."""


def check(subject: Subject, *, missing: int, report: Callable[[str], None]) -> None:
    """Report memory and disk; refuse what the machine does not have.

    Args:
        missing: Tokens of shards whose parts are yet to be made.
    """
    card, n = subject.card, subject.n_tokens
    if n >= 2**31:
        raise UserError(f"an index holds at most {2**31:,} tokens, not {n:,}; lower `--tokens`")
    l0 = _l0(card)
    shard = max(subject.sizes.values())
    weights = 4 * card.n_latents * (card.d_in + 2 * card.d_out)
    reading = PER_ACT * l0 * shard + 4 * min(shard * card.n_latents, SLAB)
    merging = PER_POSITION * n + PER_ACT * (ACTS + l0 * min(n, TOKENS)) + 2 * BYTES
    now, then = (
        l0 * tokens * act + tokens * position
        for tokens, act, position in zip((missing, n), ON_DISK, POSITION_ON_DISK, strict=True)
    )
    report(
        f"memory: {spoken(weights)} weights, {spoken(reading)} reading, {spoken(merging)} merging; "
        f"disk: {spoken(then)}, and {spoken(now)} until it is merged"
    )
    there = free_memory(torch.device("cpu"))
    if weights + max(reading, merging) > there:
        raise UserError(
            f"the index needs {spoken(weights + max(reading, merging))} of memory and "
            f"{spoken(there)} are free; lower `--tokens`"
        )
    free = shutil.disk_usage(subject.run).free
    if now + then > free:
        raise UserError(
            f"the index needs {spoken(now + then)} on disk and {spoken(free)} are free; "
            "lower `--tokens`"
        )


def _l0(card: Card) -> float:
    """Return about how many latents fire on a token."""
    settings = card.trained.get("settings", {})
    return float(card.k or settings.get("k") or UNKNOWN)
