"""Rows in 8 bits, turned so that no dimension stands out: the CPU kernels.

The turn is a Hadamard matrix of order 16 over the sixteen parts that a row is cut into, divided by
its root: orthogonal, so it leaves dot products as they are.

Axes: r rows, d width.
"""

from typing import no_type_check

import numpy as np

from unmix.dictionaries.kernels.compile import kernel

SPREAD = 16
"""Dimensions over which each one is spread; the width is rounded up to a multiple of it."""
LARGEST = np.float32(127)


@kernel
@no_type_check
def turn(y):
    """Apply the transform to a row, in place."""
    half = len(y) // 2
    while half * SPREAD >= len(y):
        for begin in range(0, len(y), 2 * half):
            low, high = y[begin : begin + half], y[begin + half : begin + 2 * half]
            for i in range(half):
                a, b = low[i], high[i]
                low[i], high[i] = a + b, a - b
        half //= 2
    for i in range(len(y)):
        y[i] *= np.float32(SPREAD**-0.5)


@kernel
@no_type_check
def shorten(start, stop, x, short, steps, norms, gaps):
    """Write each row turned and rounded, the size of its step, its length, and what was lost."""
    y = np.zeros(short.shape[1], np.float32)
    for r in range(start, stop):
        y[: x.shape[1]] = x[r]
        y[x.shape[1] :] = 0
        turn(y)
        top = np.float32(1e-30)
        for i in range(len(y)):
            top = max(top, abs(y[i]))
        step, inverse = top / LARGEST, LARGEST / top
        whole, lost, row = np.float32(0), np.float32(0), short[r]
        for i in range(len(y)):
            near = np.rint(y[i] * inverse)
            row[i] = np.int8(near)
            gap = y[i] - near * step
            whole += y[i] * y[i]
            lost += gap * gap
        steps[r], norms[r], gaps[r] = step, np.sqrt(whole), np.sqrt(lost)
