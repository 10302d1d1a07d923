"""What the parts of a query stand for, and how they are compared.

Axes: m latents.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias, final

import numpy as np
import pyarrow as pa

from unmix.index.texts import contains, equals

COMPARISONS: dict[str, Callable[..., np.ndarray]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "=": np.equal,
    "==": np.equal,
    "!=": np.not_equal,
}
WITHIN = ("~", "!~")
"""Signs that look for a text in others."""
NEGATIONS = ("!=", "!~")


@final
class Unfit(ValueError):
    """Two parts of a query that do not go together, in a clause that says why."""


class Number(NamedTuple):
    """A number of every latent, or a single one."""

    values: np.ndarray


class Text(NamedTuple):
    """A text of every latent."""

    values: pa.ChunkedArray


class Literal(NamedTuple):
    """A text that was written in the query."""

    text: str


class Truth(NamedTuple):
    """What holds of which latents."""

    values: np.ndarray


Value: TypeAlias = Number | Text | Literal | Truth


def number(value: Value) -> np.ndarray:
    """Return the numbers of a value that is to be one."""
    if not isinstance(value, Number):
        texts = "a column of texts" if isinstance(value, Text) else "a text"
        kind = "a condition" if isinstance(value, Truth) else texts
        raise Unfit(f"a number should stand here, not {kind}")
    return value.values


def truth(value: Value) -> np.ndarray:
    """Return the mask of a value that is to be a condition."""
    if not isinstance(value, Truth):
        raise Unfit("a condition should stand here, as in `density < 1e-4`")
    return value.values


def compare(left: Value, sign: str, right: Value) -> Truth:
    """Compare two values; what is not there (NaN) satisfies no comparison."""
    if isinstance(right, Text) and isinstance(left, Literal) and sign not in WITHIN:
        left, right = right, left
    if isinstance(left, Text) and isinstance(right, Literal):
        return _compare_text(left.values, sign, right.text)
    if sign in WITHIN:
        raise Unfit(f"`{sign}` looks for a text in a column of texts, as in `label ~ 'may'`")
    a, b = number(left), number(right)
    mask = COMPARISONS[sign](a, b)
    return Truth(mask & ~(np.isnan(a) | np.isnan(b)) if sign == "!=" else mask)


def _compare_text(column: pa.ChunkedArray, sign: str, text: str) -> Truth:
    if sign not in ("=", "==", *NEGATIONS, "~"):
        raise Unfit(f"a text cannot be compared by `{sign}`; there are `=`, `!=`, `~` and `!~`")
    mask = contains(column, text) if sign in WITHIN else equals(column, text)
    return Truth(~mask if sign in NEGATIONS else mask)
