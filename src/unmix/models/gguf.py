"""Let `transformers` read a GGUF file once, and faster.

It parses the file, entry by entry in Python, for the settings, for the tokenizer and for the
weights, and lists the names of all tensors of an architecture again for every module.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import final

import gguf
import numpy as np


@final
class PlainReader(gguf.GGUFReader):
    """Reads the mapped file as a plain array: to slice a `memmap` takes three times as long."""

    def __setattr__(self, name: str, value: object) -> None:
        plain = np.asarray(value) if isinstance(value, np.memmap) else value
        object.__setattr__(self, name, plain)


@contextmanager
def read_once() -> Iterator[None]:
    """Within the block, parse a GGUF file and list an architecture's names but once."""
    before = {name: getattr(gguf, name) for name in ("GGUFReader", "get_tensor_name_map")}
    gguf_reader, names = cache(PlainReader), cache(before["get_tensor_name_map"])
    try:
        for name, function in zip(before, (gguf_reader, names), strict=True):
            setattr(gguf, name, function)
        yield
    finally:
        for name, function in before.items():
            setattr(gguf, name, function)
