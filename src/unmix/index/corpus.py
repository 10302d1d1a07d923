"""The text an index was made from: tokens, their documents, and the bytes they stand for.

Axes: p positions, D documents, v token ids.
"""

import json
from collections import Counter
from functools import cached_property
from typing import NamedTuple, final

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Int, Shaped

from unmix.text.spelling import visible

VALUES = 50
"""Most values listed of a kind of metadata."""


class Tokens(NamedTuple):
    """A row a position."""

    token: Int[np.ndarray, " p"]
    document: Int[np.ndarray, " p"]
    """Row of `documents`."""
    offset: Int[np.ndarray, " p"]
    special: Bool[np.ndarray, " p"]
    massive: Bool[np.ndarray, " p"]

    @classmethod
    def of(cls, table: pa.Table) -> "Tokens":
        """Take the columns of a table."""
        return cls(*(table[name].to_numpy() for name in cls._fields))

    @property
    def eligible(self) -> Bool[np.ndarray, " p"]:
        """Positions that are neither special nor massive: where acts are known."""
        return ~(self.special | self.massive)


@final
class Documents:
    """A row a document, and the slices that their metadata make.

    A *slice* is the documents that share a value of `source`, `split` or a field of the metadata.
    Fields that tell documents apart (a link, a title) make no slices.
    """

    def __init__(self, table: pa.Table) -> None:
        self.name: list[str] = table["name"].to_pylist()
        self.source: list[str] = table["source"].to_pylist()
        self.split: list[str] = table["split"].to_pylist()
        self._metadata: list[str] = table["metadata"].to_pylist()

    @classmethod
    def of(cls, table: pa.Table) -> "Documents":
        """Take the columns of a table."""
        return cls(table)

    def __len__(self) -> int:
        return len(self.name)

    def metadata(self, document: int) -> dict[str, str]:
        """Return what else is known of a document."""
        return {key: _text(value) for key, value in json.loads(self._metadata[document]).items()}

    @cached_property
    def slices(self) -> dict[str, "Slices"]:
        """The kinds of metadata that make slices, by key."""
        fields: dict[str, list[str | None]] = {"source": [*self.source], "split": [*self.split]}
        none: list[str | None] = [None] * len(self)
        for document in range(len(self)):
            for key, value in self.metadata(document).items():
                if key not in ("source", "split"):
                    fields.setdefault(key, none.copy())[document] = value
        made = {key: Slices.of(values) for key, values in fields.items()}
        most = max(2, len(self) // 4)
        return {key: one for key, one in made.items() if one.n_values <= most}


class Slices(NamedTuple):
    """The values of one kind of metadata, most frequent first, and which documents have them."""

    values: list[str]
    """At most `VALUES`."""
    of_document: Int[np.ndarray, " D"]
    """Index of each document's value; -1 for none, or one that is not listed."""
    n_values: int
    """Values there are, listed or not."""

    @classmethod
    def of(cls, values: list[str | None]) -> "Slices":
        """Number the values of all documents."""
        counted = Counter(value for value in values if value is not None)
        listed = sorted(counted, key=lambda value: (-counted[value], value))[:VALUES]
        number = {value: i for i, value in enumerate(listed)}
        rows = [-1 if value is None else number.get(value, -1) for value in values]
        return cls(listed, np.array(rows, dtype=np.int32), len(counted))


@final
class Vocabulary:
    """What every token id stands for, and how often it occurs at eligible positions."""

    def __init__(self, table: pa.Table) -> None:
        ids = table["token"].to_numpy()
        size = int(ids.max()) + 1 if len(ids) else 0
        self.bytes: list[bytes] = [b""] * size
        for token, data in zip(ids.tolist(), table["bytes"].to_pylist(), strict=True):
            self.bytes[token] = data
        self.count = np.zeros(size, dtype=np.int64)
        self.count[ids] = table["count"].to_numpy()

    @classmethod
    def of(cls, table: pa.Table) -> "Vocabulary":
        """Take the columns of a table."""
        return cls(table)

    def __len__(self) -> int:
        return len(self.bytes)

    def text(self, token: int) -> str:
        """Return a token as it is shown: layout as signs, bytes that make no character escaped."""
        return str(self.shown[token]) if 0 <= token < len(self) else ""

    @cached_property
    def plain(self) -> Shaped[np.ndarray, " v"]:
        """Every token's text, layout and all; bytes that make no character escaped."""
        return np.array([data.decode(errors="backslashreplace") for data in self.bytes], "O")

    @cached_property
    def shown(self) -> Shaped[np.ndarray, " v"]:
        """Every token as it is shown."""
        return np.array([visible(text) for text in self.plain], "O")

    @cached_property
    def is_whole(self) -> Bool[np.ndarray, " v"]:
        """Tokens that are characters by themselves, not the bytes of a part of one."""
        return np.array([_is_text(data) for data in self.bytes], dtype=bool)

    def find(self, text: str) -> Int[np.ndarray, " _"]:
        """Return the tokens that are this text, whatever space is around it."""
        wanted = text.strip().casefold().encode()
        return np.array(self._by_text.get(wanted, []), dtype=np.int64)

    @cached_property
    def _by_text(self) -> dict[bytes, list[int]]:
        made: dict[bytes, list[int]] = {}
        for token, data in enumerate(self.bytes):
            plain = data.decode(errors="surrogateescape").strip().casefold()
            made.setdefault(plain.encode(errors="surrogateescape"), []).append(token)
        return made


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
