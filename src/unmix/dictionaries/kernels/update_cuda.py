"""One pass over the rows of a matrix: project, clip, step, unit length.  The Triton kernels.

With unit rows a program holds one row in registers, as it always does for 8-bit moments.
Otherwise rows do not matter and a program takes a block of the numbers.  `rate` is the length of
the step, with Adam's correction of the mean; `fix` corrects the root of the square.  With `LOADED`
both are read from `numbers`, as a captured graph needs.

Axes: m rows, d width.
"""

from typing import no_type_check

import triton
import triton.language as tl


@triton.jit
@no_type_check
def place(size, UNIT: tl.constexpr, BLOCK: tl.constexpr):
    """Return where a program's numbers lie: a row of `size`, or a block of `size` in all."""
    program = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    at = program * (size if UNIT else BLOCK) + column
    return at, (column < size if UNIT else at < size)


@triton.jit
@no_type_check
def across(w, gradient, at, inside, UNIT: tl.constexpr):
    """Return the gradient, or what of it is across a unit row."""
    g = tl.load(gradient + at, mask=inside, other=0.0)
    if UNIT:
        g -= tl.sum(g * w) * w
    return g


@triton.jit
@no_type_check
def end(w, W, gradient, at, inside, UNIT: tl.constexpr, BLOCK: tl.constexpr):
    """Bring a row to unit length if it is to be, and the gradient to zero."""
    if UNIT:
        w /= tl.maximum(tl.sqrt(tl.sum(w * w)), 1e-12)
    tl.store(W + at, w, mask=inside)
    tl.store(gradient + at, tl.zeros([BLOCK], tl.float32), mask=inside)


@triton.jit
@no_type_check
def squares(W, gradient, out, d, UNIT: tl.constexpr, BLOCK: tl.constexpr):
    """Write the squared length of each row's gradient, the part along a unit row left out."""
    at, inside = place(d, True, BLOCK)
    w = tl.load(W + at, mask=inside, other=0.0)
    g = across(w, gradient, at, inside, UNIT)
    tl.store(out + tl.program_id(0), tl.sum(g * g))


@triton.jit
@no_type_check
def adam(
    W, gradient, mean, square, scale, rate, fix, numbers, decay1, rest1, decay2, rest2, eps, size,
    UNIT: tl.constexpr, LOADED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Take Adam's step, and leave the gradient zero."""
    if LOADED:
        rate, fix = tl.load(numbers), tl.load(numbers + 1)
    at, inside = place(size, UNIT, BLOCK)
    w = tl.load(W + at, mask=inside, other=0.0)
    g = across(w, gradient, at, inside, UNIT) * tl.load(scale)
    a = decay1 * tl.load(mean + at, mask=inside, other=0.0) + rest1 * g
    b = decay2 * tl.load(square + at, mask=inside, other=0.0) + rest2 * g * g
    tl.store(mean + at, a, mask=inside)
    tl.store(square + at, b, mask=inside)
    w -= rate * a / (tl.sqrt(b) * fix + eps)
    end(w, W, gradient, at, inside, UNIT, BLOCK)


@triton.jit
@no_type_check
def adam8(
    W, gradient, mean, mean_top, root, root_top, scale, rate, fix, numbers,
    decay1, rest1, decay2, rest2, eps, d,
    UNIT: tl.constexpr, LOADED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Take Adam's step with moments of 8 bits, as `plain.adam8` does."""
    if LOADED:
        rate, fix = tl.load(numbers), tl.load(numbers + 1)
    row = tl.program_id(0)
    at, inside = place(d, True, BLOCK)
    w = tl.load(W + at, mask=inside, other=0.0)
    g = across(w, gradient, at, inside, UNIT) * tl.load(scale)
    a = tl.load(mean + at, mask=inside, other=0).to(tl.float32) * (tl.load(mean_top + row) / 127)
    a = decay1 * a + rest1 * g
    b = tl.load(root + at, mask=inside, other=0).to(tl.float32) * (tl.load(root_top + row) / 255)
    b = tl.sqrt(decay2 * b * b + rest2 * g * g)
    w -= tl.where(inside, rate * a / (b * fix + eps), 0.0)
    most, top = tl.max(tl.abs(a)), tl.max(b)
    tl.store(mean_top + row, most)
    tl.store(root_top + row, top)
    short = tl.floor(a * (127 / tl.maximum(most, 1e-30)) + 0.5)
    long = tl.minimum(tl.ceil(b * (255 / tl.maximum(top, 1e-30))), 255.0)
    tl.store(mean + at, short.to(tl.int32).to(tl.int8), mask=inside)
    tl.store(root + at, long.to(tl.int32).to(tl.uint8), mask=inside)
    end(w, W, gradient, at, inside, UNIT, BLOCK)


@triton.jit
@no_type_check
def signum(
    W, gradient, mean, scale, rate, numbers, decay, rest, size,
    UNIT: tl.constexpr, LOADED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Step by the sign of the mean gradient."""
    if LOADED:
        rate = tl.load(numbers)
    at, inside = place(size, UNIT, BLOCK)
    w = tl.load(W + at, mask=inside, other=0.0)
    g = across(w, gradient, at, inside, UNIT) * tl.load(scale)
    a = decay * tl.load(mean + at, mask=inside, other=0.0) + rest * g
    tl.store(mean + at, a, mask=inside)
    w -= rate * ((a > 0).to(tl.float32) - (a < 0).to(tl.float32))
    end(w, W, gradient, at, inside, UNIT, BLOCK)
