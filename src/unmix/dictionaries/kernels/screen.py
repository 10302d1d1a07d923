r"""Scores of a batch, slab by slab: exact, or estimated in bfloat16 with a bound on the error.

Where a CPU multiplies bfloat16 in hardware the product costs less than half.  With `q` for
rounding to bfloat16, by Cauchy and Schwarz,

    |x . w - q(x) . q(w)| <= |x - q(x)| |w| + |q(x)| |w - q(w)|

whose four lengths are measured, not assumed; the sum in float32 adds at most `d 2^-23 |x| |w|` on
either side.  Rounding the result adds `2^-9` of it.  Divided by `|w|` that is one number a token,
the `slack`.  What the bound cannot decide is scored again in float32, so a selection is exact.
(8-bit integers are faster still, but on real activations their bound leaves 300 candidates a token
where this one leaves 44: scoring those again costs more than is saved.)

Axes: n tokens, m latents, d width, r rows of a slab.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from unmix.dictionaries.kernels import select_cpu
from unmix.dictionaries.kernels.compile import spread
from unmix.dictionaries.kernels.scratch import scratch
from unmix.hardware import multiplies_bf16

SLAB = 2**24
"""Scores held at once."""
FEWEST = 256
"""Tokens below which rounding the encoder is not worth its pass."""


class Scores(NamedTuple):
    """Scores of a slab of tokens, without the bias, and how far they may be off."""

    begin: int
    """First token of the slab."""
    s: Tensor
    """float32 `[r, m]`, or bfloat16 seen as 16-bit integers."""
    norms: Float[Tensor, " m"]
    """Length of each latent's row."""
    slack: Float[Tensor, " r"]
    """Bound on the error of a score over the length of its latent's row; rounding comes on top."""
    exact: bool
    """Whether they are the pre-activations themselves."""


def scores(x: Float[Tensor, "n d"], W: Float[Tensor, "m d"], *, screened: bool) -> Iterator[Scores]:
    """Yield the scores of a batch; each slab is valid until the next."""
    rows = max(1, SLAB // len(W))
    if not (screened and multiplies_bf16() and len(x) >= FEWEST):
        nothing = torch.zeros(max(len(W), len(x)))
        for begin in range(0, len(x), rows):
            part = x[begin : begin + rows]
            s = scratch("scores", len(part), len(W), like=x)
            torch.mm(part, W.T, out=s)
            yield Scores(begin, s, nothing[: len(W)], nothing[: len(part)], True)
        return
    short_W, norms, lost = _shortened("encoder", W)
    short_x, lengths, gaps = _shortened("tokens", x)
    share = (lost / norms.clamp(min=1e-30)).max().clamp(max=1.0)
    whole = lengths + gaps
    sums = x.shape[1] * 2.0**-22 * whole * (1 + share)
    slack = 1.001 * (gaps + whole * share + sums)
    for begin in range(0, len(x), rows):
        part = short_x[begin : begin + rows]
        s = scratch("scores", len(part), len(W), like=short_x)
        torch.mm(part, short_W.T, out=s)
        yield Scores(begin, s.view(torch.uint16), norms, slack[begin : begin + rows], False)


def _shortened(name: str, rows: Float[Tensor, "r d"]) -> tuple[Tensor, Tensor, Tensor]:
    """Return rows in bfloat16, their lengths, and the lengths of what rounding took."""
    short = scratch(name, *rows.shape, like=rows.new_empty(0, dtype=torch.bfloat16))
    short.copy_(rows)
    lengths, gaps = rows.new_empty(len(rows)), rows.new_empty(len(rows))
    bits = short.view(torch.uint16).numpy()
    spread(select_cpu.bounds_of, len(rows), rows.numpy(), bits, lengths.numpy(), gaps.numpy())
    return short, lengths, gaps
