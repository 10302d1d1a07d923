"""What the host sides of the Triton kernels share.

Axes: n tokens, m latents, o output width, e entries, p prefixes, ends: row boundaries.
"""

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unmix.dictionaries.kernels import products_cuda

COLUMNS = 512
"""Columns that one program adds up at once, at most."""
TILE = 4
"""Rows that are read at once."""


def launch(kernel: Any, grid: tuple[int, ...], *arguments: Any, **options: Any) -> None:
    """Run a kernel on the device of its first argument."""
    if all(grid):
        with torch.cuda.device_of(arguments[0]):
            kernel[grid](*arguments, **options)


def block(width: int, most: int) -> int:
    """Return a power of two for a width, at most `most`."""
    return min(most, max(16, power_of_two(width)))


def power_of_two(least: int) -> int:
    """Return the first power of two that reaches a number."""
    return 1 << max(0, least - 1).bit_length()


def pieces_of(whole: int, piece: int) -> int:
    """Return in how many pieces something falls."""
    return -(-whole // piece)


def bare(tensor: Tensor) -> Tensor:
    """Return a tensor's numbers in rows, without its history."""
    return tensor.detach().contiguous()


def running(keep: Bool[Tensor, " e"]) -> Int[Tensor, " after"]:
    """Return how many are marked before each place, and in all."""
    counts = torch.zeros(len(keep) + 1, dtype=torch.int64, device=keep.device)
    torch.cumsum(keep, 0, out=counts[1:])
    return counts


def prefix_dots(
    rows: Float[Tensor, "p n o"],
    W: Float[Tensor, "m o"],
    latents: Int[Tensor, " e"],
    offsets: Int[Tensor, " ends"],
    stops: Int[Tensor, "..."],
) -> Float[Tensor, " e"]:
    """Return the products of each entry's latent row and token row, of its prefix's rows.

    `stops` says where each prefix ends; it is not read if there is one.
    """
    prefixes, n, width = rows.shape
    out = W.new_zeros(len(latents))
    shape = {"PREFIXES": prefixes, "TILE": TILE, "BLOCK": block(width, COLUMNS)}
    launch(products_cuda.dots, (n,), rows, W, latents, offsets, stops, out, n, width, **shape)
    return out
