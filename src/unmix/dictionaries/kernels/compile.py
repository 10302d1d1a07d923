"""How the CPU kernels are compiled, and how their work is spread over threads.

A kernel takes the rows `start` up to `stop` as its first two arguments and writes only what
belongs to them, so results do not depend on the number of threads.  It is compiled at its first
call and kept on disk for the next process.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numba import njit

kernel = njit(
    nogil=True,
    cache=True,
    error_model="numpy",
    # Sums may be reordered and contracted; NaN and infinity keep their meaning.
    fastmath={"reassoc", "contract", "nsz", "arcp", "afn"},
)


def spread(function: Callable[..., Any], rows: int | Sequence[int], *arguments: Any) -> list[Any]:
    """Call a kernel on every row, a share of them a thread; return what each share returned.

    Args:
        function: The kernel.
        rows: How many there are, or the bounds of the shares.
        arguments: What it takes after `start` and `stop`.
    """
    bounds = even(rows) if isinstance(rows, int) else rows
    shares = [(a, b) for a, b in pairwise(bounds) if a < b]
    if len(shares) < 2:
        return [function(a, b, *arguments) for a, b in shares]
    pending = [_pool(os.getpid()).submit(function, a, b, *arguments) for a, b in shares[1:]]
    first = function(*shares[0], *arguments)
    return [first, *(p.result() for p in pending)]


def even(rows: int) -> list[int]:
    """Return bounds that give each thread as many rows."""
    threads = torch.get_num_threads()
    return [rows * i // threads for i in range(threads + 1)]


def balanced(offsets: np.ndarray) -> list[int]:
    """Return bounds on rows that give each thread about as many entries."""
    threads = torch.get_num_threads()
    wanted = offsets[-1] * np.arange(1, threads) // threads
    return [
        0,
        *np.searchsorted(offsets, wanted).clip(0, len(offsets) - 1).tolist(),
        len(offsets) - 1,
    ]


@cache
def _pool(_process: int) -> ThreadPoolExecutor:
    """Return the threads of this process; a fork starts its own."""
    return ThreadPoolExecutor(max(1, (os.cpu_count() or 1)), thread_name_prefix="unmix-kernel")
