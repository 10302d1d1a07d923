"""One pass over the rows of a matrix: project, clip, Adam, unit length.  The CPU kernels.

Axes: m rows, d width.
"""

from typing import no_type_check

import numpy as np

from unmix.dictionaries.kernels.compile import kernel
from unmix.dictionaries.kernels.select_cpu import dot


@kernel
@no_type_check
def squares(start, stop, W, gradient, unit, out):
    """Write the squared length of each row's gradient, the part along a unit row left out."""
    for j in range(start, stop):
        w, g = W[j], gradient[j]
        along = dot(g, w) if unit else np.float32(0)
        total = np.float32(0)
        for i in range(len(w)):
            rest = g[i] - along * w[i]
            total += rest * rest
        out[j] = total


@kernel
@no_type_check
def adam(start, stop, W, gradient, mean, square, lr, beta1, beta2, eps, fix1, fix2, scale, unit):
    """Take Adam's step on each row, and leave its gradient zero.

    `fix1` and `fix2` are the inverse bias corrections (of the mean; of the root of the square).
    With `unit` the part of the gradient along the row is left out and the row ends at unit length.
    """
    step = np.float32(lr * fix1)
    for j in range(start, stop):
        w, g, a, b = W[j], gradient[j], mean[j], square[j]
        along = dot(g, w) if unit else np.float32(0)
        for i in range(len(w)):
            v = scale * (g[i] - along * w[i])
            g[i] = np.float32(0)
            a[i] = beta1 * a[i] + (np.float32(1) - beta1) * v
            b[i] = beta2 * b[i] + (np.float32(1) - beta2) * v * v
            w[i] -= step * a[i] / (np.sqrt(b[i]) * fix2 + eps)
        if unit:
            shrink = np.float32(1) / max(np.sqrt(dot(w, w)), np.float32(1e-12))
            for i in range(len(w)):
                w[i] *= shrink
