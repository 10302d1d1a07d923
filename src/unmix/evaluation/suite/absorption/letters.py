"""Words that are one token, and a list in which each one's first letter is told.

     tartan has the first letter: T
     mirth has the first letter: M

Every word is read where it stands, before its own line is finished, after at least five finished
lines: the prompt of Chanin et al. 2024, with every line both a question and an example for later
ones.

Axes: n words.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from unmix.errors import UserError
from unmix.evaluation.suite.reader import Reader
from unmix.text.spelling import token_bytes
from unmix.text.tokens import special_ids

LETTERS = "abcdefghijklmnopqrstuvwxyz"
TEMPLATE = "{word} has the first letter:"
SHORTEST = 3
"""Letters of a word."""
EXAMPLES, LINES = 5, 20
"""Finished lines before the first word that is read, and lines of a list."""


class Words(NamedTuple):
    """Words of one token each."""

    tokens: Int[np.ndarray, " n"]
    letters: Int[np.ndarray, " n"]
    """Place of the first letter in the alphabet."""
    spelt: list[str]


class Lists(NamedTuple):
    """Lists of lines, and where the words to be read stand in them."""

    contexts: list[list[int]]
    places: list[list[int]]
    words: Int[np.ndarray, " n"]
    """Number of each word that is read, in the order of the places."""


def words(tokenizer: object, *, per_letter: int, seed: int) -> Words:
    """Draw words of the vocabulary: lower-case, after a space, no special token.

    Raises:
        UserError: The vocabulary has none.
    """
    special = set(special_ids(tokenizer).tolist())  # pyrefly: ignore
    ids = [i for i in range(len(tokenizer)) if i not in special]  # pyrefly: ignore
    pairs = zip(ids, token_bytes(tokenizer, ids), strict=True)  # pyrefly: ignore
    found = [(i, _word(data)) for i, data in pairs]
    by_letter: dict[str, list[tuple[int, str]]] = {letter: [] for letter in LETTERS}
    for i, word in found:
        if word:
            by_letter[word[0]].append((i, word))
    if not any(by_letter.values()):
        raise UserError("the vocabulary has no whole English words, so there are no first letters")
    rng = np.random.default_rng(seed)
    drawn = []
    for some in by_letter.values():
        drawn += [some[i] for i in rng.permutation(len(some))[:per_letter].tolist()]
    mixed = [drawn[i] for i in rng.permutation(len(drawn)).tolist()]
    letters = [LETTERS.index(word[0]) for _, word in mixed]
    return Words(np.array([i for i, _ in mixed]), np.array(letters), [word for _, word in mixed])


def _word(data: bytes) -> str:
    """Return the word a token spells, or nothing."""
    text = data.decode(errors="replace")
    word = text[1:]
    is_word = text[:1] == " " and word.isascii() and word.isalpha() and word.islower()
    return word if is_word and len(word) >= SHORTEST else ""


def lists(reader: Reader, drawn: Words) -> Lists:
    """Put the words into lists; examples are words drawn before, so that all are read once."""
    encode = reader.model.tokenizer
    asks = _encoded(encode, TEMPLATE.removeprefix("{word}"))
    answers = [_encoded(encode, f" {letter.upper()}") for letter in LETTERS]
    ends = _encoded(encode, "\n")
    n = len(drawn.tokens)
    contexts, places, order = [], [], []
    for first in range(0, n, LINES - EXAMPLES):
        read = list(range(first, min(n, first + LINES - EXAMPLES)))
        context, at = list(reader.start), []
        for word in [(first - 1 - i) % n for i in range(EXAMPLES)] + read:
            at.append(len(context))
            line = [int(drawn.tokens[word]), *asks, *answers[drawn.letters[word]], *ends]
            context += line
        contexts.append(context[: at[-1] + 1])
        places.append(at[EXAMPLES:])
        order += read
    return Lists(contexts, places, np.array(order))


def _encoded(tokenizer: object, text: str) -> Sequence[int]:
    options = {"add_special_tokens": False, "return_attention_mask": False}
    return tokenizer([text], **options)["input_ids"][0]  # pyrefly: ignore
