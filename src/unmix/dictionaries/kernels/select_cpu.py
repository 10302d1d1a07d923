"""Which latents fire, found in a slab of scores: the CPU kernels.

A slab holds a score for each (row, latent), the pre-activation itself without its bias or an
estimate of it: with `e = reach_r norm_j + blur_r step_j` the pre-activation lies in
`[v - e, v + e]`, where `v = s step_r step_j + b_j` (see `screen.py`).  What may exceed a threshold
by that bound is scored again, exactly; so all that exceeds it is known.

Axes: r rows of a slab, m latents, d width, k kept, p room for the entries of a row.
"""

from typing import no_type_check

import numpy as np

from unmix.dictionaries.kernels.compile import kernel

DEPTH = 16
"""Latents that share a lane in the search for a row's threshold."""
FOLD = 8
"""Lanes in which that threshold is sought, in multiples of `k`, at most."""
DOUBT = np.float32(1 / 8)
"""Share of the bound by which an estimate may be taken to be off in a guess.  The largest error
among 40 million scores of real activations was 1/6."""


@kernel
@no_type_check
def kth_largest(a, n, k):
    """Return the k-th largest of `a[:n]`, counted from 1, by quickselect: it reorders `a`."""
    low, high, k = 0, n - 1, k - 1
    while low < high:
        x, y, z = a[low], a[(low + high) // 2], a[high]
        pivot = max(min(x, y), min(max(x, y), z))
        i, j = low, high
        while i <= j:
            while a[i] > pivot:
                i += 1
            while a[j] < pivot:
                j -= 1
            if i <= j:
                a[i], a[j] = a[j], a[i]
                i += 1
                j -= 1
            if pivot != pivot:
                return pivot  # NaN: the row is not finite
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    return a[k]


@kernel
@no_type_check
def dot(x, w):
    """Return the dot product of two vectors."""
    total = np.float32(0)
    for c in range(len(x)):
        total += x[c] * w[c]
    return total


@kernel
@no_type_check
def cut_of(lanes, folded, k):
    """Return a value that at least `k` latents reach: the k-th largest of the folded lanes."""
    L = len(lanes)
    width = L
    while width >= FOLD * k:
        width = (width + 1) // 2
    for i in range(width):
        folded[i] = lanes[i]
    for c in range(width, L, width):
        part = lanes[c : c + width]
        for i in range(len(part)):
            folded[i] = max(folded[i], part[i])
    return kth_largest(folded, width, k)


@kernel
@no_type_check
def guess(start, stop, s, x, W, b, step, reach, blur, steps, norms, k, by_size, floor):
    """Write, for each row, a threshold just below what `k` estimates reach.

    A lane keeps the largest of the latents `l, l + L, l + 2L, ...`: lanes fill vectors.
    """
    m = s.shape[1]
    L = max((m + DEPTH - 1) // DEPTH, min(m, FOLD * k))
    lanes, folded = np.empty(L, np.float32), np.empty(L, np.float32)
    for r in range(start, stop):
        lanes[:] = -np.inf
        for c in range(0, m, L):
            width = min(L, m - c)
            scores, unit, bias = s[r, c : c + width], steps[c : c + width], b[c : c + width]
            norm = norms[c : c + width]
            for i in range(width):
                v = np.float32(scores[i]) * (step[r] * unit[i]) + bias[i]
                v = (abs(v) if by_size else v) - DOUBT * (reach[r] * norm[i] + blur[r] * unit[i])
                lanes[i] = max(lanes[i], v)
        floor[r] = np.nextafter(cut_of(lanes, folded, k), np.float32(-np.inf))


@kernel
@no_type_check
def above(
    start, stop, s, x, W, b, step, reach, blur, steps, norms, low, floor, by_size, exact,
    latents, values, counts,
):  # fmt: skip
    """List the latents of each row that exceed `low_j + floor_r`, and their pre-activations.

    `counts` says how many there are; what there is no room for is not listed.
    """
    m, room = s.shape[1], latents.shape[1]
    marks = np.zeros((m + 7) // 8 * 8, np.uint8)
    words = marks.view(np.uint64)
    picked, exacts = np.empty(m, np.int64), np.empty(m, np.float32)
    for r in range(start, stop):
        scores = s[r]
        for i in range(m):
            v = np.float32(scores[i]) * (step[r] * steps[i]) + b[i]
            v = (abs(v) if by_size else v) + reach[r] * norms[i] + blur[r] * steps[i]
            marks[i] = v > low[i] + floor[r]
        listed = 0
        for eight in range(len(words)):
            if words[eight] != 0:
                for j in range(8 * eight, min(8 * eight + 8, m)):
                    picked[listed] = j
                    listed += marks[j]
        if exact:
            for i in range(listed):
                exacts[i] = scores[picked[i]]
        else:
            dots_with(x[r], W, picked[:listed], exacts)
        found = 0
        for i in range(listed):
            j = picked[i]
            v = exacts[i] + b[j]
            if (abs(v) if by_size else v) > low[j] + floor[r]:
                if found < room:
                    latents[r, found], values[r, found] = j, v
                found += 1
        counts[r] = found


@kernel
@no_type_check
def dots_with(x, W, rows, out):
    """Write the dot products of a vector with some rows of `W`, four at a time."""
    n, e = len(rows), 0
    while e + 4 <= n:
        p, q, r, s = W[rows[e]], W[rows[e + 1]], W[rows[e + 2]], W[rows[e + 3]]
        a, b, c, d = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for i in range(len(x)):
            a += x[i] * p[i]
            b += x[i] * q[i]
            c += x[i] * r[i]
            d += x[i] * s[i]
        out[e], out[e + 1], out[e + 2], out[e + 3] = a, b, c, d
        e += 4
    while e < n:
        out[e] = dot(x, W[rows[e]])
        e += 1


@kernel
@no_type_check
def joined(start, stop, latents, values, offsets, all_latents, all_values):
    """Put the entries of the rows one behind the other."""
    for r in range(start, stop):
        a, n = offsets[r], offsets[r + 1] - offsets[r]
        all_latents[a : a + n], all_values[a : a + n] = latents[r, :n], values[r, :n]


@kernel
@no_type_check
def keep(start, stop, found, exact, counts, k, by_size, latents, values):
    """Write the `k` largest entries of each row; among equals the first ones.

    Returns:
        The number of rows with fewer, or more than were listed; their first latent is -1.
    """
    failed = 0
    sizes = np.empty(found.shape[1], np.float32)
    for r in range(start, stop):
        n = counts[r]
        if n < k or n > found.shape[1]:
            latents[r, 0] = -1
            failed += 1
            continue
        for i in range(n):
            sizes[i] = abs(exact[r, i]) if by_size else exact[r, i]
        cut, written = kth_largest(sizes, n, k), 0
        for equal in range(2):
            for i in range(n):
                v = abs(exact[r, i]) if by_size else exact[r, i]
                if (v == cut if equal else v > cut) and written < k:
                    latents[r, written], values[r, written] = found[r, i], exact[r, i]
                    written += 1
    return failed
