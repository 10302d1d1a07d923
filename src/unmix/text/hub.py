"""Documents of a Hugging Face data set, streamed: nothing is downloaded whole."""

from collections.abc import Iterator, Mapping

from unmix.disk import fingerprint
from unmix.errors import UserError
from unmix.text.document import Corpus, Document
from unmix.text.files import row_document

SHUFFLED = 1000
"""Rows among which the next document is drawn; the order of the files is drawn too."""


def open_hub(spec: str) -> Corpus:
    """Return the documents of `hub:owner/name[:config][@split]`, its text in the field `text`."""
    address, _, split = spec.removeprefix("hub:").partition("@")
    name, _, config = address.partition(":")
    if not name:
        raise UserError(f"`{spec}` names no data set; write `hub:owner/name[:config][@split]`")
    mark = fingerprint([name, config, split or "train"])
    return Corpus(spec, mark, lambda: _documents(spec, name, config or None, split or "train"))


def _documents(spec: str, name: str, config: str | None, split: str) -> Iterator[Document]:
    """Stream the rows in a fixed shuffled order."""
    try:
        import datasets
    except ImportError as error:
        raise UserError(f"`{spec}` needs `datasets`; run `pip install 'unmix[hub]'`") from error
    try:
        rows = datasets.load_dataset(name, config, split=split, streaming=True)
        for number, row in enumerate(rows.shuffle(seed=0, buffer_size=SHUFFLED)):
            if not isinstance(row, Mapping):
                raise UserError(f"the rows of `{spec}` have no fields; choose another data set")
            yield from row_document(dict(row), f"{name} [{number}]", name, where=f"`{spec}`")
    except (OSError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"cannot stream `{spec}` ({reason}); check its name, config and split, and the network"
        ) from error
