import pytest
from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from tests.evaluation.made import byte_tokenizer
from unmix.text.spelling import pieces, token_bytes, visible

TEXT = "naïve → 日本 👩‍🔬 café"


def test_byte_level_tokens_give_the_text_back():
    tokenizer = byte_tokenizer()
    ids = tokenizer(TEXT)["input_ids"]
    data = token_bytes(tokenizer, ids)
    assert b"".join(data) == TEXT.encode()
    joined = pieces(data)
    assert "".join(piece.text for piece in joined) == TEXT
    assert any(piece.last > piece.first for piece in joined)
    assert [p.first for p in joined[1:]] == [p.last + 1 for p in joined[:-1]]


def test_special_tokens_are_shown_as_they_are_spelt():
    tokenizer = byte_tokenizer()
    assert token_bytes(tokenizer, [0]) == [b"<s>"]


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_window_may_begin_inside_a_character(cut: int):
    """Nothing is lost and nothing raises: a lone byte is shown escaped."""
    tokenizer = byte_tokenizer()
    data = token_bytes(tokenizer, tokenizer("→日x")["input_ids"])[cut:]
    joined = pieces(data)
    assert [i for p in joined for i in range(p.first, p.last + 1)] == list(range(len(data)))
    assert "�" not in "".join(p.text for p in joined)


def test_lone_bytes_are_escaped():
    assert [p.text for p in pieces([b"\x86\x92", b"ok", b"\xe2"])] == ["\\x86\\x92", "ok", "\\xe2"]


def test_bytes_of_one_character_become_one_piece():
    assert pieces([b"a", b"\xe2", b"\x86", b"\x92", b"b"]) == [
        ("a", 0, 0), ("→", 1, 3), ("b", 4, 4)
    ]  # fmt: skip


def test_sentencepiece_tokens():
    vocabulary = {"▁the": 0, "cat": 1, "<0xE2>": 2, "<0x86>": 3, "<0x92>": 4, "<unk>": 5}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made)
    data = token_bytes(tokenizer, [0, 1, 2, 3, 4])
    assert [p.text for p in pieces(data)] == [" the", "cat", "→"]


def test_word_pieces():
    made = Tokenizer(models.WordPiece({"un": 0, "##mix": 1, "[UNK]": 2}, unk_token="[UNK]"))
    made.decoder = decoders.WordPiece()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made)
    assert token_bytes(tokenizer, [0, 1]) == [b" un", b"mix"]


def test_layout_is_shown_and_controls_are_escaped():
    assert visible("a\n\tb\r c") == "a↵⇥b␍ c"
    assert visible("\x1b[0m\u202e") == "\\x1b[0m\\u202e"
