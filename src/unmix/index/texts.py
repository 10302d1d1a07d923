"""Columns of texts, all latents at once.

Axes: m latents.
"""

import numpy as np
import pyarrow as pa
from jaxtyping import Bool
from pyarrow.compute import MatchSubstringOptions, ReplaceSubstringOptions, call_function


def contains(column: pa.ChunkedArray, text: str) -> Bool[np.ndarray, " m"]:
    """Say which texts contain another, whatever the case."""
    options = MatchSubstringOptions(text, ignore_case=True)
    return _mask(call_function("match_substring", [column], options))


def equals(column: pa.ChunkedArray, text: str) -> Bool[np.ndarray, " m"]:
    """Say which texts are the same as another."""
    return _mask(call_function("equal", [column, pa.scalar(text)]))


def inert(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Put a quote before texts that a spreadsheet would run as a formula."""
    options = ReplaceSubstringOptions(r"\A([=+@\t\r-])", r"'\1")
    return call_function("replace_substring_regex", [column], options)


def _mask(found: pa.ChunkedArray) -> Bool[np.ndarray, " m"]:
    return np.array(found.to_numpy(), dtype=bool)
