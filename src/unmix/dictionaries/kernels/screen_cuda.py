r"""What may fire, found from bfloat16 products on a GPU, slab by slab.

With `q` for rounding to bfloat16, `|x . w - q(x) . q(w)| <= |x - q(x)| |w| + |q(x)| |w - q(w)|`
(see `screen.py`); the four lengths are measured, and rounding the result adds `2^-9` of it.

A slab of scores is made by the vendor's matrix product and read at once by a kernel of
`select_cuda.py`, so it never leaves the second-level cache (50 MB on an H100; a slab has 24).
Nothing of size `[n, m]` is stored.  The alternatives, by the byte budget of an H100 (650 TFLOP/s in
bfloat16, 3 TB/s), in units of one bfloat16 product:

    the product twice, the selection fused with it      2, and what fusing takes from its rate
    scores stored, then read by the selection           1 + 2 x 217 / d = 1.56 at d = 768
    slabs in cache (5.5 TB/s), as here                  1 + 120 / d     = 1.16 at d = 768

The selection's own arithmetic comes on top in each: about 0.4 at d = 768 and 0.1 at d = 4096.
A slab of 8192 x 1536 does 1300 operations for each byte of `x` and `W` it reads, where 217 make
the product the limit, so cutting it into slabs costs nothing.  None of this has been measured: it
has run under Triton's interpreter only.

The sum of a product is at most `d 2^-23 |x| |w|` off even where tensor cores truncate.

Axes: n tokens, m latents, d width.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unmix.dictionaries.kernels import select_cuda
from unmix.dictionaries.kernels.launch_cuda import block, launch, pieces_of
from unmix.dictionaries.kernels.scratch import scratch

SLAB = 3 * 2**22
"""Scores held at once (24 MiB)."""
TOKENS = 8192
"""Tokens whose candidates are held at once."""


class Rounded(NamedTuple):
    """A batch and an encoder in bfloat16, and how far their products may be off."""

    x: Tensor
    W: Tensor
    norms: Float[Tensor, " m"]
    """Length of each latent's row."""
    slack: Float[Tensor, " n"]
    """Bound on the error of a score over the length of its latent's row; rounding comes on top."""


class Slab(NamedTuple):
    """Scores of some tokens and the latents from `first` on, valid until the next."""

    s: Tensor
    first: int


def rounded(x: Float[Tensor, "n d"], W: Float[Tensor, "m d"]) -> Rounded:
    """Round both sides, and bound what that does to their products."""
    short_W, norms, lost = _shortened(W)
    short_x, lengths, gaps = _shortened(x)
    share = (lost / norms.clamp(min=1e-30)).max().clamp(max=1.0)
    whole = lengths + gaps
    sums = x.shape[1] * 2.0**-22 * whole * (1 + share)
    return Rounded(short_x, short_W, norms, 1.001 * (gaps + whole * share + sums))


def slabs(x: Tensor, W: Tensor, multiple: int) -> Iterator[Slab]:
    """Yield the products of some tokens with all latents, `multiple` times so many at once."""
    width = slab_width(len(x), len(W), multiple)
    for first in range(0, len(W), width):
        part = W[first : first + width]
        s = scratch("scores", len(x), len(part), like=x)
        with full_sums():
            torch.mm(x, part.T, out=s)
        yield Slab(s, first)


def slab_width(n: int, m: int, multiple: int) -> int:
    """Return the latents of one slab of `n` tokens, a multiple of something."""
    return min(max(1, SLAB // max(1, n) // multiple), -(-m // multiple)) * multiple


def listed(
    given: Rounded,
    b: Float[Tensor, " m"],
    low: Float[Tensor, " m"],
    room: int,
) -> tuple[Int[Tensor, " room"], Int[Tensor, " ends"]]:
    """List what may exceed `low`, row by row, as far as there is room.

    Bits mark it while the slabs go by, a sixteenth of what the scores would take; they are then
    counted, and written out as numbers.

    Returns:
        Latents, and where each row begins: the last says how much room it takes.
    """
    m = len(given.W)
    words = -(-m // 32)
    latents = torch.zeros(room, dtype=torch.int64, device=b.device)
    ends = [torch.zeros(1, dtype=torch.int64, device=b.device)]
    for x, slack in zip(given.x.split(TOKENS), given.slack.split(TOKENS), strict=True):
        marks = torch.empty(len(x), words, dtype=torch.int32, device=b.device)
        counts = torch.zeros(len(x), dtype=torch.int32, device=b.device)
        for s, first in slabs(x, given.W, 32):
            bounds = (b, given.norms, slack, low, marks, counts, first, s.shape[1], words)
            launch(select_cuda.mark, (len(x),), s, *bounds, BLOCK=1024)
        after = ends[-1][-1] + counts.to(torch.int64).cumsum(0)
        begins = torch.cat([ends[-1][-1:], after])
        launch(select_cuda.expand, (len(x),), marks, begins, latents, m, words, room, BLOCK=1024)
        ends.append(after)
    return latents, torch.cat(ends)


@contextmanager
def full_sums() -> Iterator[None]:
    """Sum in float32 all along: by default parts of a long sum may be added up in bfloat16."""
    settings = torch.backends.cuda.matmul
    before = settings.allow_bf16_reduced_precision_reduction
    settings.allow_bf16_reduced_precision_reduction = False
    try:
        yield
    finally:
        settings.allow_bf16_reduced_precision_reduction = before


def _shortened(rows: Float[Tensor, "r d"]) -> tuple[Tensor, Tensor, Tensor]:
    """Return rows in bfloat16, their lengths, and the lengths of what rounding took."""
    r, d = rows.shape
    short = torch.empty(r, d, dtype=torch.bfloat16, device=rows.device)
    norms, gaps = rows.new_empty(r), rows.new_empty(r)
    columns = block(d, 1024)
    shape = {"ROWS": 2048 // columns, "BLOCK": columns}
    grid = (pieces_of(r, shape["ROWS"]),)
    launch(select_cuda.shorten, grid, rows, short, norms, gaps, r, d, **shape)
    return short, norms, gaps
