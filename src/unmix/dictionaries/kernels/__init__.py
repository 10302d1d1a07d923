"""The same products, fast: what a device is good at, behind one set of functions.

    plain.py         torch operations: any device and precision, and the reference for the others
    cpu.py           float32 on a CPU, by kernels that numba compiles on the user's machine
      select_cpu.py    which latents fire        products_cpu.py  products with codes
      update_cpu.py    the optimiser's pass      compile.py       compilation and threads
    screen.py        estimates in bfloat16 and the bound that makes a selection from them exact

Every one of them offers, on tensors (n tokens, m latents, d width, e entries):

    largest(x, W, b, k, by_size)            the k largest of each row  -> pre, latents, offsets
    above(x, W, b, low)                     all above `low` of a latent  -> the same
    largest_of_batch(x, W, b, count)        the largest positive ones    -> the same
    sort_by_latent(latents, m)              -> order, offsets
    sum_rows(values, latents, offsets, W)   -> [n, d]
    dots(rows, W, latents, offsets)         -> [e]
    add_by_latent(values, tokens, order, offsets, rows, out)     adds to [m, d]
    fit(values, latents, offsets, W, base, target, ends, weights)   rebuild and compare
    count(values, latents, offsets, m)      -> entries that fired, by token and by latent
    squares(W, gradient, unit), adam(...)   the optimiser's two passes over a matrix

`of(x)` names the module that is used for a tensor.  No caller chooses.
"""

from functools import cache
from importlib import import_module
from types import ModuleType

import torch
from torch import Tensor


def of(x: Tensor) -> ModuleType:
    """Return the kernels for a tensor's device and precision."""
    compiled = x.device.type == "cpu" and x.dtype in (torch.float32, torch.int64)
    return _module("cpu" if compiled else "plain")


@cache
def _module(name: str) -> ModuleType:
    return import_module(f"unmix.dictionaries.kernels.{name}")
