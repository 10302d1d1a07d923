"""Products with sparse codes: the Triton kernels.

Token-major passes read the rows of `W`, latent-major passes the rows of tokens.  Every sum is
taken in a fixed order, so a result is the same bits each time.

Axes: n tokens, m latents, o width, e entries, p prefixes.
"""

from typing import no_type_check

import triton
import triton.language as tl


@triton.jit
@no_type_check
def add_scaled(
    total, values, index, start, end, low, high, W, width, column, TILE: tl.constexpr
):  # fmt: skip
    """Add to a block of columns the weighted rows of entries whose index is in `[low, high)`."""
    inside = (column < width)[None, :]
    for e in range(start, end, TILE):
        at = e + tl.arange(0, TILE)
        live = at < end
        row = tl.load(index + at, mask=live, other=0)
        live = live & (row >= low) & (row < high)
        value = tl.load(values + at, mask=live, other=0.0)
        w = tl.load(
            W + row[:, None] * width + column[None, :], mask=live[:, None] & inside, other=0.0
        )
        total += tl.sum(value[:, None] * w, 0)
    return total


@triton.jit
@no_type_check
def sum_rows(
    values, latents, offsets, W, out, m, width, TILE: tl.constexpr, BLOCK: tl.constexpr
):  # fmt: skip
    """Write, for each bag, the weighted sum of the rows of `W` it names."""
    token = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    start, end = tl.load(offsets + token), tl.load(offsets + token + 1)
    total = tl.zeros([BLOCK], tl.float32)
    total = add_scaled(total, values, latents, start, end, 0, m, W, width, column, TILE)
    tl.store(out + token * width + column, total, mask=column < width)


@triton.jit
@no_type_check
def dots(
    rows, W, latents, offsets, ends, out, n, width,
    PREFIXES: tl.constexpr, TILE: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Write the dot product of each entry's latent row and token row, of its prefix's rows."""
    token = tl.program_id(0).to(tl.int64)
    start, end = tl.load(offsets + token), tl.load(offsets + token + 1)
    for e in range(start, end, TILE):
        at = e + tl.arange(0, TILE)
        live = at < end
        latent = tl.load(latents + at, mask=live, other=0)
        row = token + tl.zeros([TILE], tl.int64)
        for q in range(0, PREFIXES - 1):
            row += tl.where(latent >= tl.load(ends + q), n, 0)
        total = tl.zeros([TILE, BLOCK], tl.float32)
        for c in range(0, width, BLOCK):
            column = (c + tl.arange(0, BLOCK))[None, :]
            there = live[:, None] & (column < width)
            w = tl.load(W + latent[:, None] * width + column, mask=there, other=0.0)
            total += w * tl.load(rows + row[:, None] * width + column, mask=there, other=0.0)
        tl.store(out + at, tl.sum(total, 1), mask=live)


@triton.jit
@no_type_check
def fit(
    values, latents, offsets, W, base, target, ends, weights, errors, losses, n, width, stride,
    PREFIXES: tl.constexpr, TILE: tl.constexpr, BLOCK: tl.constexpr, APART: tl.constexpr,
):  # fmt: skip
    """Rebuild each token, prefix by prefix; write its errors and its loss, as `plain.fit` does."""
    token = tl.program_id(0).to(tl.int64)
    start, end = tl.load(offsets + token), tl.load(offsets + token + 1)
    loss = 0.0
    for c in range(0, width, BLOCK):
        column = c + tl.arange(0, BLOCK)
        inside = column < width
        got = tl.load(base + token * stride + column, mask=inside, other=0.0)
        wanted = tl.load(target + token * width + column, mask=inside, other=0.0)
        left, low = got - wanted, tl.zeros([], tl.int64)
        for q in range(0, PREFIXES):
            high = tl.load(ends + q)
            left = add_scaled(left, values, latents, start, end, low, high, W, width, column, TILE)
            loss += tl.load(weights + q) * tl.sum(left * left)
            tl.store(errors + (q * n + token) * width + column, -left, mask=inside)
            low = high
        outer = -left
        for i in range(0, PREFIXES - 1):
            q = PREFIXES - 2 - i
            share = tl.load(weights + q) / tl.load(weights + PREFIXES - 1)
            at = errors + (q * n + token) * width + column
            mine = outer + share * tl.load(at, mask=inside, other=0.0)
            tl.store(at, mine, mask=inside)
            if not APART:
                outer = mine
    tl.store(losses + token, loss)


@triton.jit
@no_type_check
def latent_at(offsets, m, position):
    """Return the latent that the entry at a position of the sorted entries belongs to."""
    low, high = 0, m
    while high - low > 1:
        middle = (low + high) // 2
        before = tl.load(offsets + middle) <= position
        low = tl.where(before, middle, low)
        high = tl.where(before, high, middle)
    return low


@triton.jit
@no_type_check
def add_pieces(
    values, tokens, offsets, rows, parts, m, entries, r, width,
    PIECE: tl.constexpr, TILE: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Sum, over one piece of the sorted entries, those of latents with more than a piece of them.

    At most two such latents meet in a piece: the one it begins with and the one it ends with.
    """
    piece = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    begin = piece * PIECE
    stop = tl.minimum(begin + PIECE, entries)
    head = latent_at(offsets, m, begin)
    tail = latent_at(offsets, m, stop - 1)
    for slot in range(0, 2):
        j = tl.where(slot == 0, head, tail)
        start, end = tl.load(offsets + j), tl.load(offsets + j + 1)
        if (end - start > PIECE) & ((slot == 0) | (tail != head)):
            total = tl.zeros([BLOCK], tl.float32)
            a, z = tl.maximum(start, begin), tl.minimum(end, stop)
            total = add_scaled(total, values, tokens, a, z, 0, r, rows, width, column, TILE)
            tl.store(parts + (2 * piece + slot) * width + column, total, mask=column < width)


@triton.jit
@no_type_check
def add_by_latent(
    values, tokens, offsets, rows, parts, out, r, width,
    PIECE: tl.constexpr, TILE: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Add to each latent's row the weighted rows of its tokens, or the sums over its pieces."""
    j = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < width
    start, end = tl.load(offsets + j), tl.load(offsets + j + 1)
    if end > start:
        total = tl.load(out + j * width + column, mask=inside, other=0.0)
        if end - start > PIECE:
            for piece in range(start // PIECE, (end - 1) // PIECE + 1):
                slot = tl.where(piece * PIECE >= start, 0, 1)
                at = parts + (2 * piece + slot) * width + column
                total += tl.load(at, mask=inside, other=0.0)
        else:
            total = add_scaled(total, values, tokens, start, end, 0, r, rows, width, column, TILE)
        tl.store(out + j * width + column, total, mask=inside)
