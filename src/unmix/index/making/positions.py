"""The text of an index: tokens and documents of all parts, and the four files that hold them.

Axes: p positions, n tokens of a part, D documents, v token ids.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, final

import numpy as np
from jaxtyping import Bool, Int

from unmix.activations.source import About
from unmix.index import schema
from unmix.index.making.parts import Key, read_about, read_columns
from unmix.index.making.tables import lists, write, writing
from unmix.text.document import Split


class Document(NamedTuple):
    """A document of the index."""

    about: About
    split: Split

    @property
    def is_tried(self) -> bool:
        """Whether rules are tried on it; they are made from the other half of the documents."""
        key = f"{self.about.source}\0{self.about.name}".encode("utf-8", "surrogatepass")
        return bool(hashlib.sha256(key).digest()[0] & 1)


@final
class Positions:
    """Every token that was indexed, training documents first.

    Args:
        keys: The parts, in order.
        context: Tokens in a context.
    """

    def __init__(self, folder: Path, keys: Sequence[Key], *, context: int) -> None:
        names = ("token", "document", "offset", "special", "massive")
        parts = [read_columns(folder, key, names) for key in keys]
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        self.token: Int[np.ndarray, " p"] = columns[0]
        self.offset: Int[np.ndarray, " p"] = columns[2]
        self.special: Bool[np.ndarray, " p"] = columns[3]
        self.massive: Bool[np.ndarray, " p"] = columns[4]
        self.context = context
        sizes = [len(part[0]) for part in parts]
        self.starts: Int[np.ndarray, " _"] = np.concatenate([[0], np.cumsum(sizes)])
        """Position at which each part begins, and the end."""
        numbers = columns[1]
        begins = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1))
        self.documents = _documents(folder, keys, numbers[begins])
        self.first: Int[np.ndarray, " D"] = begins.astype(np.int32)
        """First position of each document."""
        self.document: Int[np.ndarray, " p"] = np.repeat(
            np.arange(len(begins), dtype=np.int32), self.sizes
        )
        """Row of each token's document."""

    def __len__(self) -> int:
        """Return the number of positions."""
        return len(self.token)

    @property
    def sizes(self) -> Int[np.ndarray, " D"]:
        """Tokens of each document."""
        return np.diff(np.append(self.first, len(self.token))).astype(np.int32)

    @cached_property
    def eligible(self) -> Bool[np.ndarray, " p"]:
        """Positions that are neither special nor massive."""
        return ~(self.special | self.massive)

    @cached_property
    def n_eligible(self) -> int:
        """How many those are."""
        return int(self.eligible.sum())

    @cached_property
    def eligible_sizes(self) -> Int[np.ndarray, " D"]:
        """Eligible tokens of each document."""
        return np.bincount(self.document[self.eligible], minlength=len(self.documents))

    @cached_property
    def tried(self) -> Bool[np.ndarray, " D"]:
        """Documents on which rules are tried."""
        return np.array([document.is_tried for document in self.documents], bool)


def write_text(folder: Path, positions: Positions, *, spelt: Sequence[bytes]) -> None:
    """Write tokens, documents and vocabulary; `spelt` is what each token id stands for."""
    names = ("token", "document", "offset", "special", "massive")
    columns = {name: getattr(positions, name) for name in names}
    write(folder / "tokens.parquet", schema.TOKENS, columns)
    documents = positions.documents
    known = {
        "document": np.arange(len(documents)),
        "name": [clean(d.about.name) for d in documents],
        "source": [clean(d.about.source) for d in documents],
        "split": [d.split for d in documents],
        "metadata": [clean(json.dumps(d.about.metadata, ensure_ascii=False)) for d in documents],
        "first": positions.first,
        "tokens": positions.sizes,
    }
    write(folder / "documents.parquet", schema.DOCUMENTS, known)
    seen = positions.token[positions.eligible]
    counts = np.bincount(seen, minlength=len(spelt))
    words = {"token": np.arange(len(spelt)), "bytes": list(spelt), "count": counts[: len(spelt)]}
    write(folder / "vocabulary.parquet", schema.VOCABULARY, words)


def write_strongest(folder: Path, keys: Iterable[Key]) -> None:
    """Write the strongest latents of every position, part by part."""
    with writing(folder / "strongest.parquet", schema.STRONGEST_COLUMNS) as writer:
        for key in keys:
            latents, values = read_columns(folder, key, ("strongest", "strength"))
            writer.write({"latents": lists(latents), "values": lists(values)})


def clean(text: str) -> str:
    """Return a text that can be written as UTF-8: lone surrogates become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _documents(folder: Path, keys: Sequence[Key], numbers: np.ndarray) -> list[Document]:
    """Return the documents of those numbers, each with its side of the split."""
    found: dict[int, Document] = {}
    for key in keys:
        for number, about in read_about(folder, key).items():
            found.setdefault(number, Document(about, key.split))
    return [found[number] for number in numbers.tolist()]
