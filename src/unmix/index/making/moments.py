"""Loops over the acts of each latent of a block: what `statistics.py` turns into columns.

A kernel writes the row of `out` of each latent from `start` up to `stop`; `first` says where a
latent's acts begin.  Latents without acts are left as they are.
"""

from typing import no_type_check

import numpy as np

from unmix.dictionaries.kernels.compile import kernel

ACTS = ("largest", "mean", "std", "skew", "kurtosis", "q10", "q50", "q90", "q99", "energy")
"""Columns of `acts`."""
SHARES = np.array([0.1, 0.5, 0.9, 0.99])
"""Quantiles of `acts`."""
WORDS = ("token_entropy", "top_token", "top_token_share")
"""Columns of `words`."""
PLACES = ("n_documents", "squares", "place", "near", "chance")
"""Columns of `places`: documents; the sum over documents of the squared distance of firings from
what the density would give; the sum of places in the context; firings with another near before;
how many of these chance would give."""


@kernel
@no_type_check
def acts(start, stop, first, value, shares, out):
    """Moments and quantiles of acts, and the sum of their squares."""
    for j in range(start, stop):
        begin, n = first[j], first[j + 1] - first[j]
        if n == 0:
            continue
        ordered = np.sort(value[begin : begin + n])
        low, high = ordered[0], ordered[n - 1]
        out[j, 0] = low if -low > high else high
        mean, squares = 0.0, 0.0
        for e in range(n):
            mean += ordered[e]
            squares += np.float64(ordered[e]) * ordered[e]
        mean /= n
        two, three, four = 0.0, 0.0, 0.0
        for e in range(n):
            gap = ordered[e] - mean
            two += gap * gap
            three += gap * gap * gap
            four += gap * gap * gap * gap
        two, three, four = two / n, three / n, four / n
        out[j, 1], out[j, 2] = mean, np.sqrt(two)
        if two > 1e-12 * mean * mean:
            out[j, 3], out[j, 4] = three / two**1.5, four / (two * two) - 3
        for q in range(len(shares)):
            place = shares[q] * (n - 1)
            below = int(place)
            above = min(below + 1, n - 1)
            part = place - below
            out[j, 5 + q] = ordered[below] * (1 - part) + ordered[above] * part
        out[j, 9] = squares


@kernel
@no_type_check
def words(start, stop, first, position, token, n_words, out):
    """Entropy in bits of the tokens a latent fires on, the most frequent one, and its share."""
    counts = np.zeros(n_words, np.int32)
    for j in range(start, stop):
        begin, end = first[j], first[j + 1]
        if begin == end:
            continue
        best = token[position[begin]]
        for e in range(begin, end):
            word = token[position[e]]
            counts[word] += 1
            if counts[word] > counts[best] or (counts[word] == counts[best] and word < best):
                best = word
        top, entropy = counts[best], 0.0
        for e in range(begin, end):
            word = token[position[e]]
            if counts[word] > 0:
                share = counts[word] / (end - begin)
                entropy -= share * np.log2(share)
                counts[word] = 0
        out[j, 0], out[j, 1], out[j, 2] = entropy, best, top / (end - begin)


@kernel
@no_type_check
def places(start, stop, first, position, document, begins, sizes, context, window, density, out):
    """Where a latent fires: documents, places in the context, and how close together."""
    for j in range(start, stop):
        e = first[j]
        while e < first[j + 1]:
            d = document[position[e]]
            begin = e
            while e < first[j + 1] and document[position[e]] == d:
                e += 1
            n = e - begin
            expected = density[j] * sizes[d]
            out[j, 0] += 1
            out[j, 1] += (n - expected) * (n - expected) - expected * expected
            others = (n - 1) / (sizes[d] - 1) if sizes[d] > 1 else 0.0
            for i in range(begin, e):
                p = position[i]
                out[j, 2] += p % context
                out[j, 3] += i > begin and p - position[i - 1] <= window
                out[j, 4] += 1 - (1 - others) ** min(window, p - begins[d])
