"""Which latents fire, found in a slab of scores: the CPU kernels.

A slab holds a score for each (row, latent), either the pre-activation itself without its bias, or
an estimate of it in bfloat16 with a bound on its error: with `e = slack_r norm_j + |s| ROUNDING`
the pre-activation lies in `[s - e, s + e] + b_j`.  What may fire by that bound is scored again,
exactly.

Axes: r rows of a slab, m latents, d width, k kept, p room for candidates.
"""

from typing import no_type_check

import numpy as np

from unmix.dictionaries.kernels.compile import kernel, widen

DEPTH = 16
"""Latents that share a lane in the search for a row's threshold."""
FOLD = 8
"""Lanes in which that threshold is sought, in multiples of `k`, at most."""
ROUNDING = np.float32(2**-9 * 1.01)
"""Relative error of rounding a score to bfloat16."""


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
def lanes(s, b, norms, slack, rounding, by_size, low, high):
    """Write the largest lower and upper bound among the latents `l, l + L, l + 2L, ...` of a row.

    The L-th part of the latents that a lane stands for lies L apart, so that lanes fill vectors.
    """
    m, L = len(s), len(low)
    for c in range(0, m, L):
        width = min(L, m - c)
        scores, bias, reach = s[c : c + width], b[c : c + width], norms[c : c + width]
        for i in range(width):
            score = widen(scores[i])
            e = slack * reach[i] + rounding * abs(score)
            v = score + bias[i]
            if by_size:
                v = abs(v)
            if c == 0:
                low[i], high[i] = v - e, v + e
            else:
                low[i], high[i] = max(low[i], v - e), max(high[i], v + e)


@kernel
@no_type_check
def cut_of(low, folded, k):
    """Return a value that at least `k` latents reach: the k-th largest of the folded lanes."""
    L = len(low)
    width = L
    while width >= FOLD * k:
        width = (width + 1) // 2
    for i in range(width):
        folded[i] = low[i]
    for c in range(width, L, width):
        part = low[c : c + width]
        for i in range(len(part)):
            folded[i] = max(folded[i], part[i])
    return kth_largest(folded, width, k)


@kernel
@no_type_check
def gather(s, b, norms, slack, rounding, by_size, cut, high, latents, lower, upper):
    """List the latents of a row whose upper bound reaches `cut`; return how many, or -1 if full."""
    m, L, found = len(s), len(high), 0
    for i in range(L):
        if high[i] >= cut:
            for j in range(i, m, L):
                score = widen(s[j])
                e = slack * norms[j] + rounding * abs(score)
                v = score + b[j]
                size = abs(v) if by_size else v
                if size + e >= cut:
                    if found == len(latents):
                        return -1
                    latents[found], lower[found], upper[found] = j, size - e, size + e
                    found += 1
    return found


@kernel
@no_type_check
def largest(start, stop, s, x, W, b, norms, slack, k, exact, by_size, room, values, latents):
    """Write the `k` largest latents of each row and their pre-activations.

    Returns:
        The number of rows for which the bound proved nothing; their first latent is -1.
    """
    m = s.shape[1]
    L = max((m + DEPTH - 1) // DEPTH, min(m, FOLD * k))
    low, high, folded = np.empty(L, np.float32), np.empty(L, np.float32), np.empty(L, np.float32)
    found, scratch = np.empty(room, np.int64), np.empty(room, np.float32)
    lower, upper = np.empty(room, np.float32), np.empty(room, np.float32)
    rounding = np.float32(0) if exact else ROUNDING
    failed = 0
    for r in range(start, stop):
        lanes(s[r], b, norms, slack[r], rounding, by_size, low, high)
        cut = cut_of(low, folded, k)
        n = gather(s[r], b, norms, slack[r], rounding, by_size, cut, high, found, lower, upper)
        if n < k:
            latents[r, 0] = -1
            failed += 1
            continue
        if not exact:
            n = rescore(x[r], W, b, k, n, by_size, found, lower, upper, scratch)
        keep(s[r], b, k, n, exact, by_size, found, lower, upper, scratch, values[r], latents[r])
    return failed


@kernel
@no_type_check
def rescore(x, W, b, k, n, by_size, found, lower, upper, scratch):
    """Drop what the k-th largest lower bound rules out; score the rest exactly; return how many."""
    for i in range(n):
        scratch[i] = lower[i]
    cut = kth_largest(scratch, n, k)
    left = 0
    for i in range(n):
        if upper[i] >= cut:
            j = found[i]
            v = dot(x, W[j]) + b[j]
            found[left], upper[left] = j, v
            lower[left] = abs(v) if by_size else v
            left += 1
    return left


@kernel
@no_type_check
def keep(s, b, k, n, exact, by_size, found, lower, upper, scratch, values, latents):
    """Write the `k` largest of `n` scored candidates; among equals the first ones."""
    for i in range(n):
        if exact:
            upper[i] = widen(s[found[i]]) + b[found[i]]
        scratch[i] = lower[i]
    cut = kth_largest(scratch, n, k)
    written = 0
    for i in range(n):
        if lower[i] > cut:
            values[written], latents[written] = upper[i], found[i]
            written += 1
    for i in range(n):
        if lower[i] == cut and written < k:
            values[written], latents[written] = upper[i], found[i]
            written += 1


@kernel
@no_type_check
def above(start, stop, s, b, norms, slack, low, exact, room, latents, lower, upper, counts):
    """List the latents of each row whose upper bound exceeds their `low`, and both their bounds.

    A share of rows starts at `start * room` in `latents`, `lower` and `upper`.

    Returns:
        How many there are; if more than there is room for, only `counts` is of use.
    """
    m = s.shape[1]
    rounding = np.float32(0) if exact else ROUNDING
    at, end, needed = start * room, stop * room, 0
    for r in range(start, stop):
        before = needed
        for c in range(0, m, 32):
            width = min(32, m - c)
            scores, bias = s[r, c : c + width], b[c : c + width]
            reach, floor = norms[c : c + width], low[c : c + width]
            best = np.float32(-np.inf)
            for i in range(width):
                score = widen(scores[i])
                e = slack[r] * reach[i] + rounding * abs(score)
                best = max(best, score + bias[i] + e - floor[i])
            if best > 0:
                for i in range(width):
                    score = widen(scores[i])
                    e = slack[r] * reach[i] + rounding * abs(score)
                    v = score + bias[i]
                    if v + e - floor[i] > 0:
                        if at + needed < end:
                            place = at + needed
                            latents[place], lower[place], upper[place] = c + i, v - e, v + e
                        needed += 1
        counts[r] = needed - before
    return needed


@kernel
@no_type_check
def bounds_of(start, stop, x, short, norms, gaps):
    """Write the length of each row of `x`, and of what rounding to bfloat16 took from it."""
    for r in range(start, stop):
        whole, lost = np.float32(0), np.float32(0)
        row, rounded = x[r], short[r]
        for c in range(len(row)):
            gap = row[c] - widen(rounded[c])
            whole += row[c] * row[c]
            lost += gap * gap
        norms[r], gaps[r] = np.sqrt(whole), np.sqrt(lost)
