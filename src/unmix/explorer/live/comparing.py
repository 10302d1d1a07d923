"""Two texts side by side: their tokens aligned, and the latents they do not share."""

import time
from collections.abc import Sequence
from difflib import SequenceMatcher

import torch

from unmix.explorer.api import Riser, TwoReadings
from unmix.explorer.live.reading import Seen, largest, see, told
from unmix.explorer.live.session import Session

RISERS = 500
"""Latents listed that two texts do not share."""


def compare(session: Session, a: str, b: str) -> TwoReadings:
    """Read two texts, align their tokens, and say which latents differ.

    Raises:
        UserError: One of them cannot be read.
    """
    seen, readings = [], []
    for text in (a, b):
        start = time.perf_counter()
        seen.append(see(session, text))
        readings.append(told(session, seen[-1], start))
    return TwoReadings(
        a=readings[0],
        b=readings[1],
        pairs=align(seen[0].prompt.ids, seen[1].prompt.ids),
        rows=_risers(session, *seen),
    )


def align(a: Sequence[int], b: Sequence[int]) -> list[tuple[int | None, int | None]]:
    """Pair the tokens of two texts; where they differ, in order as far as both go."""
    pairs: list[tuple[int | None, int | None]] = []
    for _, a0, a1, b0, b1 in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        both = min(a1 - a0, b1 - b0)
        pairs += zip(range(a0, a0 + both), range(b0, b0 + both), strict=True)
        pairs += [(i, None) for i in range(a0 + both, a1)]
        pairs += [(None, j) for j in range(b0 + both, b1)]
    return pairs


def _risers(session: Session, a: Seen, b: Seen) -> list[Riser]:
    """Return the latents whose largest acts differ, greatest difference first."""
    first, second = largest(a.code)[1], largest(b.code)[1]
    apart = second - first
    order = apart.abs().argsort(descending=True, stable=True)[:RISERS]
    order = order[apart[order] != 0]
    columns = torch.stack([first, second, apart])[:, order].tolist()
    return [
        Riser(latent=j, label=session.labels[j], a=one, b=other, difference=difference)
        for j, one, other, difference in zip(order.tolist(), *columns, strict=True)
    ]
