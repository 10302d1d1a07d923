"""Which latents fire, exactly, on a GPU: candidates by bfloat16 products, settled in float32.

`screen_cuda.py` says how candidates are found and what that costs.  On real activations there are
about 1.4 for each entry (counted on a CPU, with the same bound).  Scoring them again
reads as many rows of `W` in float32: by the byte budget `600 k / m` of the bfloat16 product, 0.3
at m = 131072 and k = 64.

Axes: n tokens, m latents, d width, e entries, ends: row boundaries.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unmix.dictionaries.kernels import DENSE, plain, screen_cuda, select_cuda
from unmix.dictionaries.kernels.launch_cuda import (
    bare,
    block,
    launch,
    power_of_two,
    prefix_dots,
    running,
)
from unmix.dictionaries.kernels.plain import Found

SCREEN = 1 / 24
"""Share of the latents above which keeping so many is not worth an estimate first."""
ROOM = 256
"""Candidates a token that there is room for at first, where nothing is known."""
SAMPLE = 2**24
"""Pre-activations a guess is made from, at most."""
SPARE = 8
"""Room for candidates besides those of one slab, in multiples of `k`."""
LANES = 256
"""Lanes in which a row's threshold is sought, at least."""


def largest(
    x: Float[Tensor, "n d"], W: Float[Tensor, "m d"], b: Float[Tensor, " m"], k: int, by_size: bool
) -> Found:
    """Return the `k` largest of each row.

    A row's candidates are settled on the device before they can outgrow their room, so that no
    row is left without proof and nobody has to ask.
    """
    x, W, b = bare(x), bare(W), bare(b)
    n, m = len(x), len(W)
    if k > SCREEN * m:
        return plain.largest(x, W, b, k, by_size)
    given = screen_cuda.rounded(x, W)
    pre = x.new_full((n, k), torch.nan)  # what a row that is not finite is left with
    latents = torch.arange(k, device=x.device).repeat(n, 1)
    for begin in range(0, n, screen_cuda.TOKENS):
        at = slice(begin, begin + screen_cuda.TOKENS)
        part = given._replace(x=given.x[at], slack=given.slack[at])
        _largest(part, x[at], W, b, k=k, by_size=by_size, out=(pre[at], latents[at]))
    offsets = torch.arange(0, n * k + 1, k, device=x.device)
    return pre.flatten(), latents.flatten(), offsets


def above(
    x: Float[Tensor, "n d"],
    W: Float[Tensor, "m d"],
    b: Float[Tensor, " m"],
    low: Float[Tensor, " m"],
) -> Found:
    """Return all that exceed the `low` of their latent; waits for the device once."""
    x, W, b, low = bare(x), bare(W), bare(b), bare(low)
    given, room = screen_cuda.rounded(x, W), ROOM * len(x)
    while True:
        latents, offsets = screen_cuda.listed(given, b, low, room)
        pre = _scored(x, W, b, latents, offsets.clamp(max=room))
        keep = pre > low[latents]
        before = running(keep)
        needed, left = torch.stack([offsets[-1], before[-1]]).tolist()
        if needed > DENSE * len(x) * len(W):
            return plain.above(x, W, b, low)
        if needed <= room:
            return _packed(pre, latents, keep, before=before, left=left, offsets=offsets)
        room = needed


def largest_of_batch(
    x: Float[Tensor, "n d"], W: Float[Tensor, "m d"], b: Float[Tensor, " m"], count: int
) -> Found:
    """Return the `count` largest positive ones, exactly; see `plain.largest_of_batch`.

    Waits for the device once, and again only if the guess was too high or its list too short.
    """
    x, W, b = bare(x), bare(W), bare(b)
    n, m = len(x), len(W)
    count = min(count, n * m)
    if count == 0:
        none = torch.zeros(n + 1, dtype=torch.int64, device=x.device)
        return x.new_empty(0), none[:0], none
    if 2 * count > DENSE * n * m:
        return plain.largest_of_batch(x, W, b, count)
    given = screen_cuda.rounded(x, W)
    sample = given.x[: max(1, min(n // 64, SAMPLE // m))] @ given.W.T
    guess, room = plain.first_cut(sample + b, count / n), 2 * count + 64 * n
    while True:
        latents, offsets = screen_cuda.listed(given, b, guess.expand_as(b).contiguous(), room)
        pre = _scored(x, W, b, latents, offsets.clamp(max=room))
        pre = torch.where(pre > guess, pre, -torch.inf)
        cut = pre.topk(count, sorted=False).values.min()
        keep = (pre >= cut) & (pre > -torch.inf)
        before = running(keep)
        needed, left, low = torch.stack([offsets[-1], before[-1], guess.double()]).tolist()
        if needed > room:
            room = int(needed)
        elif left < count and low > 0:
            guess = guess / 2 if 1e-6 < low < torch.inf else torch.zeros_like(guess)
        else:
            return _packed(pre, latents, keep, before=before, left=int(left), offsets=offsets)


def _largest(
    given: screen_cuda.Rounded,
    x: Float[Tensor, "n d"],
    W: Float[Tensor, "m d"],
    b: Float[Tensor, " m"],
    *,
    k: int,
    by_size: bool,
    out: tuple[Tensor, Tensor],
) -> None:
    """Write the `k` largest of each of some rows, and their latents."""
    (n, d), m = x.shape, len(W)
    lanes = max(power_of_two(4 * k), min(LANES, power_of_two(m)))
    room = SPARE * k + screen_cuda.slab_width(n, m, lanes)
    ints = {"dtype": torch.int32, "device": x.device}
    lowest = torch.iinfo(torch.int32).min
    best, cuts = torch.full((n, lanes), lowest, **ints), torch.full((n,), lowest, **ints)
    counts, latents = torch.zeros(n, **ints), torch.empty(n, room, **ints)
    bounds = x.new_empty(n, room)
    shape = {"BY_SIZE": by_size, "ROWS": 8, "WIDE": block(d, 128)}
    warps = min(8, max(1, lanes // 512))
    for s, first in screen_cuda.slabs(given.x, given.W, lanes):
        read = (s, x, W, b, given.norms, given.slack)
        kept = (best, cuts, counts, latents, bounds, first, s.shape[1], d, room, k)
        launch(select_cuda.gather, (n,), *read, *kept, LANES=lanes, num_warps=warps, **shape)
    kept = (cuts, counts, latents, bounds, *out, d, room, k)
    launch(select_cuda.finish, (n,), x, W, b, *kept, BLOCK=256, **shape)


def _scored(
    x: Float[Tensor, "n d"],
    W: Float[Tensor, "m d"],
    b: Float[Tensor, " m"],
    latents: Int[Tensor, " room"],
    offsets: Int[Tensor, " ends"],
) -> Float[Tensor, " room"]:
    """Return the pre-activations of listed entries; what lies beyond them is minus infinity."""
    pre = prefix_dots(x[None], W, latents, offsets, offsets).add_(b[latents])
    beyond = torch.arange(len(pre), device=x.device) >= offsets[-1]
    return pre.masked_fill_(beyond, -torch.inf)


def _packed(
    pre: Float[Tensor, " room"],
    latents: Int[Tensor, " room"],
    keep: Bool[Tensor, " room"],
    *,
    before: Int[Tensor, " after"],
    left: int,
    offsets: Int[Tensor, " ends"],
) -> Found:
    """Return the `left` entries that are to be kept."""
    place = torch.where(keep, before[:-1], left)  # all others go to one place beyond the end
    values, kept = pre.new_empty(left + 1), latents.new_empty(left + 1)
    values.scatter_(0, place, pre)
    kept.scatter_(0, place, latents)
    return values[:left], kept[:left], before[offsets]
