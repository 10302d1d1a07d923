"""Specs of text in, one iterator of documents out.

Several sources are mixed in given shares, counted in characters: the next document always comes
from the source that is furthest behind its share.  A source that ends leaves its share to the
others.  Everything is a pure function of the specs, the shares and what lies behind them.
"""

from collections.abc import Iterator, Sequence

from unmix.disk import fingerprint
from unmix.text.document import Corpus, Document
from unmix.text.embedded import news, stdlib
from unmix.text.files import open_path
from unmix.text.hub import open_hub


def open_corpus(spec: str) -> Corpus:
    """Return the source a spec names.

    Raises:
        UserError: There is no such source.
    """
    if spec == "news":
        return news()
    if spec == "stdlib":
        return stdlib()
    return open_hub(spec) if spec.startswith("hub:") else open_path(spec)


def documents(specs: Sequence[str], weights: Sequence[float] | None = None) -> Iterator[Document]:
    """Yield the documents of all sources, mixed; equal shares if no weights are given."""
    return mix([open_corpus(spec) for spec in specs], weights)


def text_fingerprint(corpora: Sequence[Corpus], weights: Sequence[float] | None) -> str:
    """Return what changes when the stream of documents does."""
    shares = [1.0] * len(corpora) if weights is None else [w / max(weights) for w in weights]
    return fingerprint([[c.fingerprint, round(w, 9)] for c, w in zip(corpora, shares, strict=True)])


def mix(corpora: Sequence[Corpus], weights: Sequence[float] | None) -> Iterator[Document]:
    """Yield documents so that every source keeps to its share of the characters."""
    shares = [1.0] * len(corpora) if weights is None else list(weights)
    streams = {number: corpus.read() for number, corpus in enumerate(corpora)}
    given = [0] * len(corpora)
    while streams:
        behind = min(streams, key=lambda number: (given[number] / shares[number], number))
        document = next(streams[behind], None)
        if document is None:
            del streams[behind]
        else:
            given[behind] += len(document.text)
            yield document
