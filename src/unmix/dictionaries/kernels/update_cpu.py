"""One pass over the rows of a matrix: project, clip, Adam, unit length.  The CPU kernels.

Axes: m rows, d width.
"""

from typing import no_type_check

import numpy as np

from unmix.dictionaries.kernels.compile import kernel
from unmix.dictionaries.kernels.select_cpu import dot


@kernel
@no_type_check
def renormalise(w):
    """Bring a row to unit length."""
    shrink = np.float32(1) / max(np.sqrt(dot(w, w)), np.float32(1e-12))
    for i in range(len(w)):
        w[i] *= shrink


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
            renormalise(w)


@kernel
@no_type_check
def adam8(
    start, stop, W, gradient, mean, mean_top, root, root_top,
    lr, beta1, beta2, eps, fix1, fix2, scale, unit,
):  # fmt: skip
    """Take Adam's step with moments of 8 bits: see `plain.adam8`."""
    step, one = np.float32(lr * fix1), np.float32(1)
    a, b = np.empty(W.shape[1], np.float32), np.empty(W.shape[1], np.float32)
    for j in range(start, stop):
        w, g, short_a, short_b = W[j], gradient[j], mean[j], root[j]
        along = dot(g, w) if unit else np.float32(0)
        unpack_a, unpack_b = mean_top[j] / np.float32(127), root_top[j] / np.float32(255)
        top_a, top_b = np.float32(0), np.float32(0)
        for i in range(len(w)):
            v = scale * (g[i] - along * w[i])
            g[i] = np.float32(0)
            old = np.float32(short_b[i]) * unpack_b
            a[i] = beta1 * np.float32(short_a[i]) * unpack_a + (one - beta1) * v
            b[i] = np.sqrt(beta2 * old * old + (one - beta2) * v * v)
            w[i] -= step * a[i] / (b[i] * fix2 + eps)
            top_a, top_b = max(top_a, abs(a[i])), max(top_b, b[i])
        mean_top[j], root_top[j] = top_a, top_b
        pack_a = np.float32(127) / max(top_a, np.float32(1e-30))
        pack_b = np.float32(255) / max(top_b, np.float32(1e-30))
        for i in range(len(w)):
            short_a[i] = np.int8(np.rint(a[i] * pack_a))
            short_b[i] = np.uint8(min(np.ceil(b[i] * pack_b), np.float32(255)))
        if unit:
            renormalise(w)


@kernel
@no_type_check
def signum(start, stop, W, gradient, mean, lr, beta, scale, unit):
    """Step by the sign of the mean gradient on each row, and leave its gradient zero."""
    for j in range(start, stop):
        w, g, a = W[j], gradient[j], mean[j]
        along = dot(g, w) if unit else np.float32(0)
        for i in range(len(w)):
            v = scale * (g[i] - along * w[i])
            g[i] = np.float32(0)
            a[i] = beta * a[i] + (np.float32(1) - beta) * v
            w[i] -= lr * np.sign(a[i])
        if unit:
            renormalise(w)
