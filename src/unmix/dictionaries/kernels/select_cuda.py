"""Which latents fire, found in a slab of bfloat16 scores: the Triton kernels.

A slab holds, for each (row, latent), an estimate `s` of the pre-activation without its bias, which
lies in `[s - e, s + e] + b_j` with `e = slack_r norm_j + |s| ROUNDING + |b_j| SUM`.  One program
reads one row.  Numbers are compared as integers that order as they do, so that a k-th largest is
found bit by bit, without sorting, and a NaN has its place too.

Axes: r rows of a slab, m latents, d width, k kept, room for the candidates of a row.
"""

from typing import no_type_check

import triton
import triton.language as tl

ROUNDING = tl.constexpr(2**-9 * 1.01)
"""Relative error of rounding a score to bfloat16."""
SUM = tl.constexpr(2**-22)
"""Relative error of adding the bias and the bound, in float32."""
LOWEST = tl.constexpr(-(2**31))
"""Before all numbers."""


@triton.jit
@no_type_check
def ordered(value):
    """Return the integer that compares with others as the number does."""
    bits = value.to(tl.int32, bitcast=True)
    return bits ^ ((bits >> 31) & 0x7FFFFFFF)


@triton.jit
@no_type_check
def sized(value, BY_SIZE: tl.constexpr):
    """Return what the largest are chosen by."""
    if BY_SIZE:
        value = tl.abs(value)
    return ordered(value)


@triton.jit
@no_type_check
def interval(s, b, norms, slack, j, live, BY_SIZE: tl.constexpr):
    """Return the middle and the half-width of what pre-activations, or their sizes, may be."""
    score = tl.load(s + j, mask=live, other=0.0).to(tl.float32)
    bias = tl.load(b + j, mask=live, other=0.0)
    reach = tl.load(norms + j, mask=live, other=0.0)
    middle = score + bias
    if BY_SIZE:
        middle = tl.abs(middle)
    return middle, slack * reach + ROUNDING * tl.abs(score) + SUM * tl.abs(bias)


@triton.jit
@no_type_check
def kth_of(sizes, k, bits):
    """Return what at least `k` reach: the first `bits` bits of the k-th largest."""
    low = tl.where(tl.sum((sizes >= 0).to(tl.int32)) >= k, 0, LOWEST)
    for i in range(0, bits):
        higher = low + (1 << (30 - i))
        low = tl.where(tl.sum((sizes >= higher).to(tl.int32)) >= k, higher, low)
    return low


@triton.jit
@no_type_check
def reaching(bounds, n, least, BY_SIZE: tl.constexpr, BLOCK: tl.constexpr):
    """Return how many of a row's candidates reach a value."""
    total = 0
    for c in range(0, n, BLOCK):
        i = c + tl.arange(0, BLOCK)
        size = sized(tl.load(bounds + i, mask=i < n, other=0.0), BY_SIZE)
        total += tl.sum(((size >= least) & (i < n)).to(tl.int32))
    return total


@triton.jit
@no_type_check
def kth_of_candidates(bounds, n, k, BY_SIZE: tl.constexpr, BLOCK: tl.constexpr):
    """Return the k-th largest of a row's candidates, exactly."""
    if n <= BLOCK:
        column = tl.arange(0, BLOCK)
        size = sized(tl.load(bounds + column, mask=column < n, other=0.0), BY_SIZE)
        low = kth_of(tl.where(column < n, size, LOWEST), k, 31)
    else:
        low = tl.where(reaching(bounds, n, 0, BY_SIZE, BLOCK) >= k, 0, LOWEST)
        for i in range(0, 31):
            higher = low + (1 << (30 - i))
            low = tl.where(reaching(bounds, n, higher, BY_SIZE, BLOCK) >= k, higher, low)
    return low


@triton.jit
@no_type_check
def squeeze(latents, bounds, n, cut, ties, BY_SIZE: tl.constexpr, BLOCK: tl.constexpr):
    """Keep the candidates above `cut` and the first `ties` at it; return how many."""
    left, equal = 0, 0
    for c in range(0, n, BLOCK):
        i = c + tl.arange(0, BLOCK)
        live = i < n
        latent = tl.load(latents + i, mask=live, other=0)
        bound = tl.load(bounds + i, mask=live, other=0.0)
        size = sized(bound, BY_SIZE)
        same = ((size == cut) & live).to(tl.int32)
        early = equal + tl.cumsum(same, 0) <= ties
        keep = ((size > cut) & live) | ((same > 0) & early)
        place = left + tl.cumsum(keep.to(tl.int32), 0) - 1
        tl.debug_barrier()  # all is read before any of it is written over
        tl.store(latents + place, latent, mask=keep)
        tl.store(bounds + place, bound, mask=keep)
        left += tl.sum(keep.to(tl.int32))
        equal += tl.sum(same)
    tl.debug_barrier()
    return left


@triton.jit
@no_type_check
def rescore(x, W, b, latents, bounds, n, d, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    """Replace the bounds of a row's candidates by their pre-activations, in float32."""
    for c in range(0, n, ROWS):
        i = c + tl.arange(0, ROWS)
        live = i < n
        latent = tl.load(latents + i, mask=live, other=0).to(tl.int64)
        total = tl.zeros([ROWS, BLOCK], tl.float32)
        for a in range(0, d, BLOCK):
            column = a + tl.arange(0, BLOCK)
            inside = column < d
            there = live[:, None] & inside[None, :]
            w = tl.load(W + latent[:, None] * d + column[None, :], mask=there, other=0.0)
            total += w * tl.load(x + column, mask=inside, other=0.0)[None, :]
        pre = tl.sum(total, 1) + tl.load(b + latent, mask=live, other=0.0)
        tl.store(bounds + i, pre, mask=live)
    tl.debug_barrier()


@triton.jit
@no_type_check
def settle(
    x, W, b, latents, bounds, n, cut, d, k,
    BY_SIZE: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Keep the `k` largest of a row's candidates; return how many, and the least of them.

    What is at the cut may be one of those that set it, when the row was last settled.
    """
    n = squeeze(latents, bounds, n, cut, k, BY_SIZE, BLOCK)
    rescore(x, W, b, latents, bounds, n, d, ROWS, WIDE)
    floor = kth_of_candidates(bounds, n, k, BY_SIZE, BLOCK)
    ties = k - reaching(bounds, n, floor + 1, BY_SIZE, BLOCK)
    return squeeze(latents, bounds, n, floor, ties, BY_SIZE, BLOCK), floor


@triton.jit
@no_type_check
def thin(
    x, W, b, latents, bounds, n, cut, d, k, most,
    BY_SIZE: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Drop what the cut has ruled out, or settle the row; return how many are left, and the cut."""
    n = squeeze(latents, bounds, n, cut, k, BY_SIZE, BLOCK)
    if n > most:
        n, floor = settle(x, W, b, latents, bounds, n, cut, d, k, BY_SIZE, BLOCK, ROWS, WIDE)
        cut = tl.maximum(cut, tl.where(n == k, floor, LOWEST))
    return n, cut


@triton.jit
@no_type_check
def gather(
    s, x, W, b, norms, slack, lanes, cuts, counts, latents, bounds, first, width, d, room, k,
    BY_SIZE: tl.constexpr, LANES: tl.constexpr, ROWS: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Add to a row's candidates those of the latents `first` up to `first + width`.

    A lane holds the largest lower bound among the latents a multiple of `LANES` apart, so at least
    `k` latents reach the k-th largest lane (11 binary digits of it are enough).  What cannot reach
    it is no candidate.  Where they might outgrow their room, they are thinned out first.
    """
    row = tl.program_id(0).to(tl.int64)
    lane = tl.arange(0, LANES)
    s, x, latents, bounds = s + row * width, x + row * d, latents + row * room, bounds + row * room
    off = tl.load(slack + row)
    best = tl.load(lanes + row * LANES + lane)
    for c in range(0, width, LANES):
        live = c + lane < width
        middle, e = interval(s, b + first, norms + first, off, c + lane, live, BY_SIZE)
        best = tl.maximum(best, tl.where(live, ordered(middle - e), LOWEST))
    tl.store(lanes + row * LANES + lane, best)
    reached = kth_of(best, k, 19)
    cut = tl.maximum(tl.load(cuts + row), tl.maximum(reached, LOWEST + 1) - 1)
    found = tl.load(counts + row)
    if found + width > room:
        found, cut = thin(
            x, W, b, latents, bounds, found, cut, d, k, room - width, BY_SIZE, LANES, ROWS, WIDE
        )
    for c in range(0, width, LANES):
        live = c + lane < width
        middle, e = interval(s, b + first, norms + first, off, c + lane, live, BY_SIZE)
        upper = middle + e
        keep = live & (ordered(upper) > cut)
        place = found + tl.cumsum(keep.to(tl.int32), 0) - 1
        tl.store(latents + place, first + c + lane, mask=keep)
        tl.store(bounds + place, upper, mask=keep)
        found += tl.sum(keep.to(tl.int32))
    tl.store(counts + row, found)
    tl.store(cuts + row, cut)


@triton.jit
@no_type_check
def finish(
    x, W, b, cuts, counts, latents, bounds, pre, picked, d, room, k,
    BY_SIZE: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Write the `k` largest of a row and their pre-activations."""
    row = tl.program_id(0).to(tl.int64)
    x, latents, bounds = x + row * d, latents + row * room, bounds + row * room
    found, cut = tl.load(counts + row), tl.load(cuts + row)
    found, _ = settle(x, W, b, latents, bounds, found, cut, d, k, BY_SIZE, BLOCK, ROWS, WIDE)
    for c in range(0, found, BLOCK):
        i = c + tl.arange(0, BLOCK)
        live = i < found
        tl.store(pre + row * k + i, tl.load(bounds + i, mask=live), mask=live)
        tl.store(picked + row * k + i, tl.load(latents + i, mask=live).to(tl.int64), mask=live)


@triton.jit
@no_type_check
def mark(s, b, norms, slack, low, marks, counts, first, width, words, BLOCK: tl.constexpr):
    """Set a bit for each latent of a row that may exceed its `low`; add up how many."""
    row = tl.program_id(0).to(tl.int64)
    off, total = tl.load(slack + row), tl.load(counts + row)
    bit = tl.arange(0, 32)[None, :]
    for c in range(0, width, BLOCK):
        word = c // 32 + tl.arange(0, BLOCK // 32)
        j = word[:, None] * 32 + bit
        live = j < width
        middle, e = interval(s + row * width, b + first, norms + first, off, j, live, False)
        keep = live & (middle + e > tl.load(low + first + j, mask=live, other=0.0))
        keep = keep.to(tl.int32)
        there = word * 32 < width
        tl.store(marks + row * words + first // 32 + word, tl.sum(keep << bit, 1), mask=there)
        total += tl.sum(keep)
    tl.store(counts + row, total)


@triton.jit
@no_type_check
def expand(marks, offsets, latents, m, words, room, BLOCK: tl.constexpr):
    """List the latents marked in a row, from `offsets[row]` on, as far as there is room."""
    row = tl.program_id(0).to(tl.int64)
    place = tl.load(offsets + row)
    for c in range(0, m, BLOCK):
        j = c + tl.arange(0, BLOCK)
        word = tl.load(marks + row * words + j // 32, mask=j < m, other=0)
        keep = (word >> (j % 32)) & 1
        at = place + tl.cumsum(keep, 0) - 1
        tl.store(latents + at, j.to(tl.int64), mask=(keep > 0) & (at < room))
        place += tl.sum(keep)


@triton.jit
@no_type_check
def shorten(rows, short, norms, gaps, r, width, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    """Write rows in bfloat16, their lengths, and the lengths of what rounding took from them."""
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    whole, lost = tl.zeros([ROWS, BLOCK], tl.float32), tl.zeros([ROWS, BLOCK], tl.float32)
    for c in range(0, width, BLOCK):
        column = c + tl.arange(0, BLOCK)
        inside = (row < r)[:, None] & (column < width)[None, :]
        at = row[:, None] * width + column[None, :]
        value = tl.load(rows + at, mask=inside, other=0.0)
        rounded = value.to(tl.bfloat16)
        gap = value - rounded.to(tl.float32)
        whole += value * value
        lost += gap * gap
        tl.store(short + at, rounded, mask=inside)
    tl.store(norms + row, tl.sqrt(tl.sum(whole, 1)), mask=row < r)
    tl.store(gaps + row, tl.sqrt(tl.sum(lost, 1)), mask=row < r)
