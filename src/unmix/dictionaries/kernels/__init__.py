"""The same products, fast: what a device is good at, behind one set of functions.

    plain.py         torch operations: any device and precision, and the reference for the others
    cpu.py           float32 on a CPU, by kernels that numba compiles on the user's machine
      select_cpu.py    which latents fire        products_cpu.py  products with codes
      update_cpu.py    the optimiser's pass      round_cpu.py     rows in 8 bits
      compile.py       compilation and threads
    screen.py        estimates in 8 bits and the bound that makes a selection from them exact
    cuda.py          float32 on a GPU (compute capability 8.0 and up), by Triton kernels
      encode_cuda.py, screen_cuda.py   which latents fire, from the host's side
      select_cuda.py, products_cuda.py, update_cuda.py   the kernels;  launch_cuda.py  their launch

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
    squares(W, gradient, unit)              -> [m], for clipping
    adam(...), adam8(...), signum(...)      the optimiser's pass over a matrix, in place

`of(x)` names the module that is used for a tensor.  No caller chooses.
"""

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import torch
from torch import Tensor

DENSE = 1 / 16
"""Share of entries above which dense products are the faster ones (2 CPU cores, d = 576)."""


def of(x: Tensor) -> ModuleType:
    """Return the kernels for a tensor's device and precision."""
    if x.dtype not in (torch.float32, torch.int64):
        return _module("plain")
    if x.device.type == "cuda":
        return _module("cuda" if _runs_triton(x.device) else "plain")
    return _module("cpu" if x.device.type == "cpu" else "plain")


@cache
def _runs_triton(device: torch.device) -> bool:
    """Say whether Triton is there, as it is beside torch's CUDA build, and knows the GPU."""
    return find_spec("triton") is not None and torch.cuda.get_device_capability(device) >= (8, 0)


@cache
def _module(name: str) -> ModuleType:
    return import_module(f"unmix.dictionaries.kernels.{name}")
