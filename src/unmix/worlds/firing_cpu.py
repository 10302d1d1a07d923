"""Which features are on, one token after the other: the CPU kernel.

A token's random numbers are a function of the seed and its number, so results do not depend on
the number of threads.  Features without a parent stand in tiles of like chance: a tile's largest
chance says how far to skip to the next feature that may be on, which then is on with its own
chance over that.  This is exact, and costs as much as there are candidates.

Axes: r rank, w features of a tile, f features.
"""

import math
from typing import no_type_check

import numpy as np

from unmix.dictionaries.kernels.compile import kernel

WIDTH = 128
"""Features in a tile."""
HALF = WIDTH // 2
SKIP = 0.25
"""Largest chance in a tile up to which skipping is cheaper than looking at each feature."""
GOLDEN, FIRST, SECOND = (
    np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)
"""Constants of SplitMix64 (Steele, Lea and Flood 2014)."""


@kernel
@no_type_check
def uniform(state):
    """Return the next number above 0 and below 1."""
    state[0] += GOLDEN
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * FIRST
    z = (z ^ (z >> np.uint64(27))) * SECOND
    return (np.float64((z ^ (z >> np.uint64(31))) >> np.uint64(11)) + 0.5) * 2.0**-53


@kernel
@no_type_check
def normal(state):
    """Return the next number of mean 0 and variance 1 (Box and Muller 1958)."""
    return math.sqrt(-2 * math.log(uniform(state))) * math.cos(2 * math.pi * uniform(state))


@kernel
@no_type_check
def below(tau):
    """Return the share of normal numbers below `tau`."""
    return 0.5 * math.erfc(-tau * 0.7071067811865476)


@kernel
@no_type_check
def size(state, kind, a, b):
    """Return how strongly a feature is on; not above zero: it is off."""
    if kind == 0:
        return a + (b - a) * uniform(state)
    if b == 0:
        return a if kind == 1 else math.exp(a)
    drawn = a + b * normal(state)
    return drawn if kind == 1 else math.exp(drawn)


@kernel
@no_type_check
def write_taus(offset, slopes, e, tau):
    """Write `tau` of a tile's features given `e`, four factors at a time; return the largest."""
    for i in range(WIDTH):
        tau[i] = offset[i]
    q = 0
    while q + 4 <= len(e):
        a, b, c, d = e[q], e[q + 1], e[q + 2], e[q + 3]
        for i in range(WIDTH):
            tau[i] += (
                a * slopes[q, i]
                + b * slopes[q + 1, i]
                + c * slopes[q + 2, i]
                + d * slopes[q + 3, i]
            )
        q += 4
    while q < len(e):
        for i in range(WIDTH):
            tau[i] += e[q] * slopes[q, i]
        q += 1
    high = tau[WIDTH:]
    for i in range(HALF):
        high[i] = max(tau[i], tau[HALF + i])
    top = high[0]
    for i in range(1, HALF):
        top = max(top, high[i])
    return top


@kernel
@no_type_check
def pick(state, numbers, count):
    """Bring `count` of the numbers, all as likely, to the front (Fisher and Yates)."""
    for i in range(count):
        j = i + int(uniform(state) * (len(numbers) - i))
        numbers[i], numbers[j] = numbers[j], numbers[i]


@kernel
@no_type_check
def candidates(state, padded, chance, offset, slopes, e, tau, found):
    """List the features without a parent that are on; return how many."""
    n = 0
    for t in range(len(chance)):
        # Without factors the first chance is the largest: they fall within a tile.
        top = below(write_taus(offset[t], slopes[t], e, tau)) if len(e) else chance[t, 0]
        if top < 1e-300:
            continue
        skips = top < SKIP
        scale = math.log1p(-top) if skips else 1.0
        limit = top if skips else 1.0
        i = -1
        while True:
            ahead = math.log(uniform(state)) / scale if skips else 0.0
            if ahead >= WIDTH:
                break
            i += 1 + int(ahead)
            if i >= WIDTH:
                break
            p = below(tau[i]) if len(e) else chance[t, i]
            if uniform(state) * limit < p:
                found[n] = padded[t * WIDTH + i]
                n += 1
    return n


@kernel
@no_type_check
def chance_of(j, e, offset, slopes, chance):
    """Return the chance of one feature given `e`."""
    if len(e) == 0:
        return chance[j]
    tau = offset[j]
    for q in range(len(e)):
        tau += slopes[j, q] * e[q]
    return below(tau)


@kernel
@no_type_check
def grow(state, at, end, features, values, e, forest, sizes):
    """Add the children that are on of the feature at place `at`; return the new end."""
    offset, slopes, chance, starts, children, exclusive, scaled = forest
    kind, a, b = sizes
    j, rivals = features[at], 0
    for c in range(starts[j], starts[j + 1]):
        child = children[c]
        if uniform(state) >= chance_of(child, e, offset, slopes, chance):
            continue
        value = size(state, kind, a[child], b[child])
        if scaled:
            value *= values[at] / a[j]
        if value <= 0:
            continue
        rivals += 1
        if not exclusive[j] or rivals == 1:
            features[end], values[end] = child, value
            end += 1
        elif uniform(state) * rivals < 1:  # so that each of them wins as often
            features[end - 1], values[end - 1] = child, value
    return end


@kernel
@no_type_check
def draw(start, stop, seed, exactly, tiles, forest, sizes):
    """Return the features of tokens `start` up to `stop`, their sizes, and how many a token has."""
    padded, tile_chance, tile_offset, tile_slopes = tiles
    n_features, r, n_roots = len(forest[2]), tile_slopes.shape[1], np.sum(padded >= 0)
    room, end = 32 * (stop - start) + n_features, 0
    features, values = np.empty(room, np.int64), np.empty(room, np.float32)
    counts, e = np.zeros(stop - start, np.int64), np.empty(r, np.float32)
    state, tau = np.empty(1, np.uint64), np.empty(WIDTH + HALF, np.float32)
    found = padded.copy()
    for token in range(start, stop):
        if end + n_features > len(features):  # room for the longest token
            features = np.concatenate((features, np.empty(len(features), np.int64)))
            values = np.concatenate((values, np.empty(len(values), np.float32)))
        state[0] = (seed + np.uint64(token)) * SECOND
        for q in range(r):
            e[q] = normal(state)
        n = exactly
        if exactly >= 0:
            found[:] = padded
            pick(state, found[:n_roots], exactly)
        else:
            n = candidates(state, padded, tile_chance, tile_offset, tile_slopes, e, tau, found)
        first = at = end
        for i in range(n):
            value = size(state, sizes[0], sizes[1][found[i]], sizes[2][found[i]])
            if value > 0:
                features[end], values[end] = found[i], value
                end += 1
        while at < end:  # those found below are looked at in turn
            end = grow(state, at, end, features, values, e, forest, sizes)
            at += 1
        counts[token - start] = end - first
    return features[:end].copy(), values[:end].copy(), counts
