"""Products with sparse codes: the CPU kernels.

Token-major passes read the rows of `W`, latent-major passes the rows of tokens; neither stores
anything of the size of the entries times the width.

Axes: n tokens, m latents, o width, e entries, p prefixes.
"""

from typing import no_type_check

import numpy as np

from unmix.dictionaries.kernels.compile import kernel
from unmix.dictionaries.kernels.select_cpu import dot


@kernel
@no_type_check
def sort_by_latent(latents, m, order, offsets):
    """Write the stable order of the entries by latent, and where each latent begins (counting)."""
    offsets[:] = 0
    for e in range(len(latents)):
        offsets[latents[e] + 1] += 1
    for j in range(m):
        offsets[j + 1] += offsets[j]
    place = offsets[:-1].copy()
    for e in range(len(latents)):
        j = latents[e]
        order[place[j]] = e
        place[j] += 1


@kernel
@no_type_check
def add_scaled(out, values, latents, W):
    """Add to `out` the sum of rows of `W`, four at a time."""
    n, d = len(values), len(out)
    e = 0
    while e + 4 <= n:
        a, b, c, f = values[e], values[e + 1], values[e + 2], values[e + 3]
        p, q, r, s = W[latents[e]], W[latents[e + 1]], W[latents[e + 2]], W[latents[e + 3]]
        for i in range(d):
            out[i] += a * p[i] + b * q[i] + c * r[i] + f * s[i]
        e += 4
    while e < n:
        a, p = values[e], W[latents[e]]
        for i in range(d):
            out[i] += a * p[i]
        e += 1


@kernel
@no_type_check
def sum_rows(start, stop, values, latents, offsets, W, out):
    """Write, for each bag, the weighted sum of the rows of `W` it names."""
    for r in range(start, stop):
        out[r, :] = 0
        a, b = offsets[r], offsets[r + 1]
        add_scaled(out[r], values[a:b], latents[a:b], W)


@kernel
@no_type_check
def dots(start, stop, rows, W, latents, offsets, out):
    """Write the dot product of each entry's token row and latent row."""
    for r in range(start, stop):
        for e in range(offsets[r], offsets[r + 1]):
            out[e] = dot(rows[r], W[latents[e]])


@kernel
@no_type_check
def add_by_latent(start, stop, values, tokens, order, offsets, rows, out):
    """Add to each latent's row the weighted rows of the tokens it has entries on."""
    for j in range(start, stop):
        a, b = offsets[j], offsets[j + 1]
        weights = np.empty(b - a, np.float32)
        where = np.empty(b - a, np.int64)
        for i in range(a, b):
            weights[i - a], where[i - a] = values[order[i]], tokens[order[i]]
        add_scaled(out[j], weights, where, rows)


@kernel
@no_type_check
def by_prefix(latents, ends, order, begins):
    """Write the order of a token's entries by the prefix they are in, and where each begins."""
    begins[:] = 0
    for q in range(len(ends)):
        begins[q + 1] = begins[q]
        low = ends[q - 1] if q > 0 else 0
        for e in range(len(latents)):
            if low <= latents[e] < ends[q]:
                order[begins[q + 1]] = e
                begins[q + 1] += 1


@kernel
@no_type_check
def fit(
    start, stop, values, latents, offsets, W, base, target, ends, weights, apart,
    errors, dvalues, losses,
):  # fmt: skip
    """Rebuild each token, prefix by prefix, and take the loss's gradient on the way.

    `errors[q, t]` becomes what prefix `q` and those outside it miss (`apart`: it and the whole),
    by their weights over the last one's; its last is the plain error of the whole.  `dvalues`
    becomes each entry's `errors . W`, and `losses` the weighted squared error of each token.
    """
    last = len(ends) - 1
    most = 0
    for t in range(start, stop):
        most = max(most, offsets[t + 1] - offsets[t])
    order, begins = np.arange(most), np.zeros(last + 2, np.int64)
    picked, acts = np.empty(most, np.int64), np.empty(most, np.float32)
    for t in range(start, stop):
        a, b = offsets[t], offsets[t + 1]
        begins[last + 1] = b - a
        if last > 0:
            by_prefix(latents[a:b], ends, order, begins)
        for i in range(b - a):
            picked[i], acts[i] = latents[a + order[i]], values[a + order[i]]
        left, origin, total = errors[last, t], base[t if len(base) > 1 else 0], np.float32(0)
        for i in range(len(left)):
            left[i] = origin[i] - target[t, i]
        for q in range(last + 1):
            add_scaled(left, acts[begins[q] : begins[q + 1]], picked[begins[q] : begins[q + 1]], W)
            total += weights[q] * dot(left, left)
            if q < last:
                errors[q, t, :] = left
        for i in range(len(left)):
            left[i] = -left[i]
        for q in range(last - 1, -1, -1):
            outer, inner = errors[last if apart else q + 1, t], errors[q, t]
            share = weights[q] / weights[last]
            for i in range(len(left)):
                inner[i] = outer[i] - share * inner[i]
        for q in range(last + 1):
            for i in range(begins[q], begins[q + 1]):
                dvalues[a + order[i]] = dot(errors[q, t], W[picked[i]])
        losses[t] = total


@kernel
@no_type_check
def count(values, latents, offsets, per_token, per_latent):
    """Count the entries that fired, by token and by latent."""
    per_latent[:] = 0
    for t in range(len(per_token)):
        fired = 0
        for e in range(offsets[t], offsets[t + 1]):
            if values[e] != 0:
                fired += 1
                per_latent[latents[e]] += 1
        per_token[t] = fired


@kernel
@no_type_check
def keep_above(values, latents, offsets, low, new_offsets):
    """Move the entries that exceed the `low` of their latent to the front; return how many."""
    left = 0
    new_offsets[0] = 0
    for t in range(len(offsets) - 1):
        for e in range(offsets[t], offsets[t + 1]):
            j, v = latents[e], values[e]
            if v > low[j]:
                values[left], latents[left] = v, j
                left += 1
        new_offsets[t + 1] = left
    return left
