from collections.abc import Iterator
from itertools import count, islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import tiny
from unmix.errors import UserError
from unmix.text import tokens
from unmix.text.document import Corpus, Document, key_of, one_side
from unmix.text.tokens import bos_policy, contexts, special_ids

TOKENIZER = tiny.tokenizer()


def numbered(texts: list[str]) -> list[tuple[int, Document]]:
    """Return documents with gaps in their numbers, as a split leaves them."""
    made = [Document(f"d{n}", text, "s", {}, key_of(text)) for n, text in enumerate(texts)]
    return [(3 * number, document) for number, document in enumerate(made)]


@given(
    texts=st.lists(st.text("ab the\n<s>é日", max_size=60), max_size=8),
    context=st.integers(2, 17),
    bos=st.sampled_from(["context", "document", "none"]),
)
def test_packed_tokens_are_those_of_the_documents_in_order(
    texts: list[str], context: int, bos: str
) -> None:
    pairs = numbered(texts)
    packed = list(contexts(pairs, TOKENIZER, context=context, bos=bos_policy(bos, TOKENIZER)))
    plain = TOKENIZER(texts, add_special_tokens=False)["input_ids"] if texts else []
    ids = dict(zip([number for number, _ in pairs], plain, strict=True))
    rows = [row for c in packed for row in zip(*c[:3], strict=True)]
    for token, document, offset in rows:
        assert token == (ids[document][offset] if offset >= 0 else 0)
    body = [(d, o) for _, d, o in rows if o >= 0]
    right = [(number, place) for number, found in ids.items() for place in range(len(found))]
    assert body == right[: len(body)]
    assert len(right) - len(body) < context
    for c in packed:
        assert c.tokens.shape == (context,)
        assert np.array_equal(c.special, np.isin(c.tokens, [0, 1]))
        starts = c.offsets == -1
        if bos == "context":
            assert starts.tolist() == [True] + [False] * (context - 1)
            assert c.documents[0] == c.documents[1]
        if bos == "none":
            assert not starts.any()
    if bos == "document" and packed:
        assert rows[0][2] == -1


def test_train_and_held_out_documents_never_share_a_context() -> None:
    pairs = numbered([f"{word} " * 9 for word in tiny.WORDS])
    corpus = Corpus("c", "f", lambda: (document for _, document in pairs))
    sides = {}
    for split in ("train", "held_out"):
        kept = {d.key for d in one_side(corpus, split, 0.4).read()}
        chosen = [pair for pair in pairs if pair[1].key in kept]
        packed = contexts(chosen, TOKENIZER, context=16, bos="context")
        sides[split] = {int(d) for c in packed for d in c.documents}
    by_hand = {number for number, d in pairs if int(d.key[:16], 16) < 0.4 * 2**64}
    assert sides["held_out"] <= by_hand
    assert sides["train"].isdisjoint(by_hand)
    assert len(sides["held_out"]) > 15
    assert len(sides["train"]) > 30


def test_an_endless_stream_is_read_no_further_than_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tokens, "BATCH_DOCUMENTS", 4)
    read = 0

    def endless() -> Iterator[tuple[int, Document]]:
        nonlocal read
        for number in count():
            read += 1
            yield number, Document("d", "the time of two " * 10, "s", {}, "0" * 64)

    assert len(list(islice(contexts(endless(), TOKENIZER, context=8, bos="none"), 40))) == 40
    assert read <= 20


def test_packing_does_not_depend_on_the_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = numbered([f"{word} and {word}" * 3 for word in tiny.WORDS])
    once = list(contexts(pairs, TOKENIZER, context=16, bos="document"))
    monkeypatch.setattr(tokens, "BATCH_CHARACTERS", 30)
    again = list(contexts(pairs, TOKENIZER, context=16, bos="document"))
    assert len(once) == len(again)
    for a, b in zip(once, again, strict=True):
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_a_tokenizer_without_a_beginning_token() -> None:
    bare = tiny.tokenizer()
    bare.bos_token = None
    assert bos_policy("auto", TOKENIZER) == "context"
    assert bos_policy("auto", bare) == "none"
    for policy in ("context", "document"):
        with pytest.raises(UserError, match=f"`bos = {policy}` needs a beginning-of-text token"):
            bos_policy(policy, bare)


def test_special_tokens_without_a_name_count_as_special() -> None:
    made = tiny.tokenizer()
    made.add_special_tokens({"additional_special_tokens": ["<pad>"]})
    assert special_ids(made).tolist() == [0, 1, made.convert_tokens_to_ids("<pad>")]
