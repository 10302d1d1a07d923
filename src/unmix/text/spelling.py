"""Token ids as text a person can read, whatever bytes they stand for.

A character outside ASCII is often split over several tokens, so bytes are joined to characters
before they are shown: the tokens of one character become one *piece*.  Bytes that make no character
(a window may begin in the middle of one) are shown escaped, as in `\\xe2`.
"""

import json
import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from unmix.errors import UserError

BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
"""How tokenizers with byte fallback write a lone byte."""
SHOWN = str.maketrans({"\n": "↵", "\r": "␍", "\t": "⇥", "\v": "␋", "\f": "␌", "\0": "␀"})
"""Layout characters, and what is shown for them."""


@runtime_checkable
class Tokenizer(Protocol):
    """The part of a transformers tokenizer that is needed here."""

    def convert_ids_to_tokens(self, ids: list[int]) -> str | list[str]:
        """Return the vocabulary's own spelling of each id."""
        ...


class Piece(NamedTuple):
    """Neighbouring tokens that make whole characters."""

    text: str
    first: int
    """Index of its first token in the sequence given."""
    last: int
    """Index of its last token."""


def token_bytes(tokenizer: Tokenizer, ids: Sequence[int]) -> list[bytes]:
    """Return the bytes each token stands for."""
    # Some vocabularies have numbers that stand for nothing.
    spelt = [token or "" for token in tokenizer.convert_ids_to_tokens(list(ids))]
    if len(spelt) != len(ids):
        raise UserError("the tokenizer does not spell every token; it cannot be shown")
    decoder = _decoder(tokenizer)
    if "ByteLevel" in decoder:
        return [_byte_level(token) for token in spelt]
    if "WordPiece" in decoder:
        return [(t[2:] if t.startswith("##") else f" {t}").encode() for t in spelt]
    return [_sentencepiece(token) for token in spelt]


def pieces(data: Sequence[bytes]) -> list[Piece]:
    """Join the bytes of consecutive tokens until they make whole characters."""
    made: list[Piece] = []
    held, first = b"", 0
    for i, more in enumerate(data):
        held += more
        if i + 1 < len(data) and _cut_short(held):
            continue
        made.append(Piece(held.decode(errors="backslashreplace"), first, i))
        held, first = b"", i + 1
    return made


def visible(text: str) -> str:
    """Show layout and control characters as signs; a line break becomes a return arrow."""
    text = text.translate(SHOWN)
    return "".join(c if c.isprintable() or c == " " else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _cut_short(data: bytes) -> bool:
    """Say whether `data` ends in the middle of a character and is good up to there."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"
    return False


def _decoder(tokenizer: Tokenizer) -> str:
    """Return the names of a fast tokenizer's decoding steps, or nothing for a slow one."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    decoder = getattr(backend, "decoder", None)
    if decoder is None:
        return ""
    state = json.loads(decoder.__getstate__())
    return " ".join(str(step["type"]) for step in [state, *state.get("decoders", [])])


def _byte_level(token: str) -> bytes:
    """Undo GPT-2's spelling, in which every byte is a printable character."""
    if all(c in _ALPHABET for c in token):
        return bytes(_ALPHABET[c] for c in token)
    return token.encode()  # an added token, spelt as it is


def _sentencepiece(token: str) -> bytes:
    lone = BYTE.fullmatch(token)
    return bytes([int(lone[1], 16)]) if lone else token.replace("▁", " ").encode()


def _alphabet() -> dict[str, int]:
    """Return the byte that each character stands for (Radford et al. 2019, section 2.2)."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [byte for byte in range(256) if byte not in plain]
    return {chr(b): b for b in plain} | {chr(256 + i): b for i, b in enumerate(rest)}


_ALPHABET = _alphabet()
