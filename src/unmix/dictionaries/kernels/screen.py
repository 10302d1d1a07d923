r"""Scores of a batch, slab by slab: exact, or estimated in 8 bits with a bound on the error.

Where a CPU multiplies 8-bit integers in hardware the product costs a quarter.  With `q` for
rounding to 8 bits, by Cauchy and Schwarz,

    |x . w - q(x) . q(w)| <= |x - q(x)| |w| + |q(x)| |w - q(w)|

whose four lengths are measured, not assumed.  Integers are summed exactly; what float32 may be off
is at most `d 2^-22 |x| |w|` on top.  What the bound cannot decide is scored again in float32, so a
selection is exact.

A row is rounded in steps of a 127th of its largest number, and one dimension of a residual stream
may be 70 times the median one.  So both sides are *turned* first, by the same orthogonal matrix,
which leaves their products as they are and spreads each dimension over sixteen
(`round_cpu.py`).  On activations of SmolLM2-135M that leaves half as many undecided.

Axes: n tokens, m latents, d width, r rows of a slab.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from unmix.dictionaries.kernels import round_cpu
from unmix.dictionaries.kernels.compile import spread
from unmix.dictionaries.kernels.scratch import scratch
from unmix.hardware import multiplies_int8

SLAB, ROWS = 2**23, 256
"""Scores held at once, about what the cache holds; and tokens whose scores are, at least."""
FEWEST = 256
"""Tokens below which rounding the encoder is not worth its pass."""


class Scores(NamedTuple):
    """Scores `s` of a slab of tokens, without the bias, and how far they may be off.

    The estimate is `s step_r step_j`, and `reach_r norm_j + blur_r step_j` bounds its error.
    """

    begin: int
    """First token of the slab."""
    s: Tensor
    """float32 `[r, m]`, the scores themselves; or int32."""
    step: Float[Tensor, " r"]
    reach: Float[Tensor, " r"]
    blur: Float[Tensor, " r"]
    steps: Float[Tensor, " m"]
    norms: Float[Tensor, " m"]

    @property
    def exact(self) -> bool:
        """Whether they are the scores themselves."""
        return self.s.dtype == torch.float32


class Rounded(NamedTuple):
    """Rows turned and in 8 bits, `[r, d]` with `d` rounded up."""

    short: Tensor
    steps: Float[Tensor, " r"]
    """What one is worth."""
    norms: Float[Tensor, " r"]
    """Length of the row."""
    gaps: Float[Tensor, " r"]
    """Length of what rounding took."""


def scores(x: Float[Tensor, "n d"], W: Float[Tensor, "m d"], *, screened: bool) -> Iterator[Scores]:
    """Yield the scores of a batch; each slab is valid until the next."""
    rows = max(ROWS, SLAB // len(W))
    if not (screened and multiplies_int8() and len(x) >= FEWEST):
        one, zero = torch.ones(max(len(W), rows)), torch.zeros(max(len(W), rows))
        for begin in range(0, len(x), rows):
            part = x[begin : begin + rows]
            n, m = len(part), len(W)
            s = scratch("scores", n, m, like=x)
            torch.mm(part, W.T, out=s)
            yield Scores(begin, s, one[:n], zero[:n], zero[:n], one[:m], zero[:m])
        return
    across, down = rounded("encoder", W), rounded("tokens", x)
    whole = down.norms + down.gaps
    reach = 1.001 * (down.gaps + (x.shape[1] + 8) * 2.0**-22 * whole)
    blur = 1.001 * whole * (across.gaps / across.steps).max()
    for begin in range(0, len(x), rows):
        at = slice(begin, begin + rows)
        part = down.short[at]
        s = scratch("scores", len(part), len(W), like=x.new_empty(0, dtype=torch.int32))
        torch._int_mm(part, across.short.T, out=s)
        yield Scores(begin, s, down.steps[at], reach[at], blur[at], across.steps, across.norms)


def rounded(name: str, rows: Float[Tensor, "r d"]) -> Rounded:
    """Turn rows and round them, into memory that is used again for `name`."""
    width = -(-rows.shape[1] // round_cpu.SPREAD) * round_cpu.SPREAD
    short = scratch(name, len(rows), width, like=rows.new_empty(0, dtype=torch.int8))
    numbers = [rows.new_empty(len(rows)) for _ in range(3)]
    given = (t.numpy() for t in (rows, short, *numbers))
    spread(round_cpu.shorten, len(rows), *given)
    return Rounded(short, *numbers)
