"""A text as the model reads it, and as a person does.

Axes: c tokens, n positions.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from unmix.errors import UserError
from unmix.explorer.live.session import Session
from unmix.text.spelling import Tokenizer, pieces, token_bytes, visible
from unmix.text.tokens import special_ids

REST = "·"
"""Stands for a token that only goes on with the character of the one before."""


class Prompt(NamedTuple):
    """The tokens of one forward pass."""

    tokens: Int[Tensor, "1 c"]
    special: Bool[Tensor, "1 c"]

    @property
    def ids(self) -> list[int]:
        """The token ids, in order."""
        return self.tokens[0].tolist()

    @property
    def head(self) -> int:
        """Tokens at its beginning that stay there whatever context is left out: 0 or 1."""
        return int(self.special[0, :1].sum())


def prompt(session: Session, text: str) -> Prompt:
    """Tokenise a text as the training text was, with the beginning-of-text token it had.

    Raises:
        UserError: It has no tokens, or too many.
    """
    tokenizer = session.model.tokenizer
    options = {"add_special_tokens": False, "return_attention_mask": False, "verbose": False}
    ids = list(tokenizer([text], **options)["input_ids"][0])
    if not ids:
        raise UserError("the text has no tokens; write something")
    if session.bos != "none":
        ids = [tokenizer.bos_token_id, *ids]
    if len(ids) > session.most_tokens:
        raise UserError(
            f"the text has {len(ids):,} tokens and the limit is {session.most_tokens:,}; shorten it"
        )
    return of_ids(session, ids)


def of_ids(session: Session, ids: Sequence[int]) -> Prompt:
    """Return token ids as a prompt."""
    special = np.isin(ids, special_ids(session.model.tokenizer))
    return Prompt(torch.tensor([list(ids)]), torch.from_numpy(special)[None])


def context_of(session: Session, position: int) -> Prompt:
    """Return the tokens of a position's context in the index, up to the position itself.

    Raises:
        UserError: There is no such position, or no index.
    """
    tokens, width = session.index.tokens.token, session.index.manifest.context
    if not 0 <= position < len(tokens):
        raise UserError(f"there is no position {position}; the index has {len(tokens):,}")
    return of_ids(session, tokens[position // width * width : position + 1].tolist())


def is_eligible(session: Session, positions: Sequence[int]) -> Bool[Tensor, " n"]:
    """Mark the positions where the index knows acts: neither special nor of massive norm."""
    return torch.from_numpy(session.index.tokens.eligible[list(positions)])


def readable(tokenizer: Tokenizer, ids: Sequence[int]) -> list[str]:
    """Return each token as it is shown; a character of several tokens stands at its first."""
    shown = [REST] * len(ids)
    for piece in pieces(token_bytes(tokenizer, ids)):
        shown[piece.first] = visible(piece.text)
    return shown
