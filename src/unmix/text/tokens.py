"""Documents packed into contexts, each token knowing its document and its place in it.

Documents follow each other without a gap, and a context ends where it is full.  Packing is lazy and
bounded: one batch of documents and the remainder of a context are in memory.

Axes: c tokens in a context, t tokens of some documents.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int

from unmix.errors import UserError
from unmix.text.document import Document

Bos = Literal["context", "document", "none"]

BATCH_DOCUMENTS = 256
BATCH_CHARACTERS = 2**20


@runtime_checkable
class Tokenizer(Protocol):
    """What is asked of a tokenizer; those of `transformers` fit."""

    bos_token_id: int | None
    all_special_ids: list[int]

    def __call__(self, text: list[str], **options: object) -> Mapping[str, list[list[int]]]:
        """Return the tokens of each text under `input_ids`."""


class Context(NamedTuple):
    """The tokens of one forward pass, side by side."""

    tokens: Int[np.ndarray, " c"]
    """Token ids."""
    documents: Int[np.ndarray, " c"]
    """Number of each token's document in the stream of documents."""
    offsets: Int[np.ndarray, " c"]
    """Place of each token in its document; -1 for a beginning-of-text token that was put in."""
    special: Bool[np.ndarray, " c"]
    """Whether the token is a special one: not text, and not trained on."""


def bos_policy(wanted: str, tokenizer: Tokenizer) -> Bos:
    """Decide `auto`: each context begins with a beginning-of-text token if there is one.

    Raises:
        UserError: The token is asked for and the tokenizer has none.
    """
    has = tokenizer.bos_token_id is not None
    if wanted == "auto":
        return "context" if has else "none"
    if wanted in ("context", "document") and not has:
        raise UserError(
            f"`bos = {wanted}` needs a beginning-of-text token and this tokenizer has none;"
            " set `bos = auto`"
        )
    return "context" if wanted == "context" else "document" if wanted == "document" else "none"


def contexts(
    numbered: Iterable[tuple[int, Document]], tokenizer: Tokenizer, *, context: int, bos: Bos
) -> Iterator[Context]:
    """Pack documents into contexts of `context` tokens; what does not fill the last is dropped."""
    special = special_ids(tokenizer)
    body = context - (bos == "context")
    left = np.empty((3, 0), np.int64)
    for batch in _batches(numbered):
        rows = np.concatenate([left, *_tokenised(batch, tokenizer, bos)], axis=1)
        n = rows.shape[1] // body
        for begin in range(0, n * body, body):
            chunk = rows[:, begin : begin + body]
            if bos == "context":
                first = np.array([[_bos(tokenizer)], [chunk[1, 0]], [-1]], np.int64)
                chunk = np.concatenate([first, chunk], axis=1)
            yield Context(chunk[0], chunk[1], chunk[2], np.isin(chunk[0], special))
        left = rows[:, n * body :]


def special_ids(tokenizer: Tokenizer) -> Int[np.ndarray, " s"]:
    """Return the ids of all special tokens, the unnamed ones as well."""
    added = getattr(tokenizer, "added_tokens_decoder", {})
    extra = (number for number, token in added.items() if token.special)
    return np.array(sorted({*tokenizer.all_special_ids, *extra}), np.int64)


def _batches(
    numbered: Iterable[tuple[int, Document]],
) -> Iterator[list[tuple[int, Document]]]:
    """Group documents, enough to keep a fast tokenizer busy and few enough for memory."""
    batch: list[tuple[int, Document]] = []
    characters = 0
    for number, document in numbered:
        batch.append((number, document))
        characters += len(document.text)
        if len(batch) == BATCH_DOCUMENTS or characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _tokenised(
    batch: list[tuple[int, Document]], tokenizer: Tokenizer, bos: Bos
) -> list[Int[np.ndarray, "3 t"]]:
    """Return (token, document, offset) of the tokens of each document."""
    texts = [document.text for _, document in batch]
    options = {"add_special_tokens": False, "return_attention_mask": False, "verbose": False}
    out = []
    for (number, _), ids in zip(batch, tokenizer(texts, **options)["input_ids"], strict=True):
        offsets = np.arange(len(ids), dtype=np.int64)
        rows = np.stack([np.asarray(ids, np.int64), np.full_like(offsets, number), offsets])
        if bos == "document":
            rows = np.concatenate([[[_bos(tokenizer)], [number], [-1]], rows], axis=1)
        out.append(rows)
    return out


def _bos(tokenizer: Tokenizer) -> int:
    """Return the beginning-of-text token; `bos_policy` has seen to it that there is one."""
    token = tokenizer.bos_token_id
    assert token is not None
    return token
