"""Texts read at a site: as one by one, from the end, and once."""

from pathlib import Path

import pytest
import torch

from tests.evaluation.made import byte_tokenizer, llama
from unmix.evaluation.suite import reader as reader_module
from unmix.evaluation.suite.reader import Reader
from unmix.models.load import LanguageModel, wrap
from unmix.models.sites import read, resolve

TEXTS = ["the cat", "a view of its café takes the cat", "not", "the cat", "a" * 300]


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    tokenizer = byte_tokenizer()
    return wrap(llama(vocabulary=len(tokenizer)), tokenizer, name="tiny")


def test_ends_equal_texts_read_alone_and_cut_on_the_left(model: LanguageModel):
    reader = Reader(model, "resid.1", begins=True)
    found = reader.ends(TEXTS, most=10)
    site = {"s": resolve(model.model, "resid.1")}
    for text, vector in zip(TEXTS, found, strict=True):
        ids = model.tokenizer(text, add_special_tokens=False)["input_ids"]
        tokens = torch.tensor([[model.tokenizer.bos_token_id, *ids[-10:]]])
        torch.testing.assert_close(
            vector, read(model.model, site, tokens)["s"][0, -1], rtol=1e-4, atol=1e-4
        )


def test_no_more_tokens_than_the_model_takes(model: LanguageModel):
    reader = Reader(model, "resid.1", begins=True)
    (tokens,) = reader.tokens(["a" * 300], most=500)
    assert len(tokens) == model.longest == 128


def test_what_was_read_is_not_read_again(
    model: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first = Reader(model, "resid.1", begins=False, cache=tmp_path, key="one")
    found = first.ends(TEXTS, most=10)

    def refuse(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(reader_module, "read", refuse)
    assert torch.equal(first.ends(TEXTS[::-1], most=10), found.flip(0))
    again = Reader(model, "resid.1", begins=False, cache=tmp_path, key="one")
    assert torch.equal(again.ends(TEXTS, most=10), found)
    with pytest.raises(AssertionError, match="read again"):
        Reader(model, "resid.1", begins=False, cache=tmp_path, key="two").ends(TEXTS, most=10)
