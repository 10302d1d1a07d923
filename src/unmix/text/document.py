"""A document, and the split that decides whether it is trained on."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

Split = Literal["train", "held_out"]
Scalar = str | int | float | bool


class Document(NamedTuple):
    """One text with its identity."""

    name: str
    """What a person calls it: a title, or a path within the source."""
    text: str
    """The text itself."""
    source: str
    """Where it came from, as a person would say it."""
    metadata: dict[str, Scalar]
    """Whatever else the source knows about it."""
    key: str
    """SHA-256 of the whole text, in hex; parts of one long text share it."""

    def split(self, held_out_share: float) -> Split:
        """Return the side of the split, a function of the text alone, so that it never moves."""
        return "held_out" if int(self.key[:16], 16) < held_out_share * 2**64 else "train"


class Corpus(NamedTuple):
    """The documents of one source, in an order that is fixed and well mixed."""

    spec: str
    """How the user named it."""
    fingerprint: str
    """Changes whenever the documents do."""
    read: Callable[[], Iterator[Document]]
    """Start reading from the first document."""


def one_side(corpus: Corpus, split: Split, held_out_share: float) -> Corpus:
    """Return the documents of one side of the split, in the same order."""

    def read() -> Iterator[Document]:
        return (d for d in corpus.read() if d.split(held_out_share) == split)

    return corpus._replace(read=read)


def key_of(text: str) -> str:
    """Return the SHA-256 of a text, in hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def scalars(row: dict[str, object], *, without: str) -> dict[str, Scalar]:
    """Return the plain values of a row: its metadata."""
    return {k: v for k, v in row.items() if k != without and isinstance(v, Scalar)}
