"""Buffers that are used again: fresh memory for a slab of scores costs a quarter of the product."""

import torch
from torch import Tensor

_buffers: dict[tuple[str, torch.device, torch.dtype], Tensor] = {}


def scratch(name: str, rows: int, columns: int, *, like: Tensor) -> Tensor:
    """Return a matrix of the device and precision of `like`, valid until `name` is asked again."""
    key = (name, like.device, like.dtype)
    if key not in _buffers or _buffers[key].numel() < rows * columns:
        _buffers[key] = like.new_empty(rows * columns)
    return _buffers[key][: rows * columns].view(rows, columns)
