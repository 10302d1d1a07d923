"""Explanations that others wrote: read with care, and again when they change."""

import os
from pathlib import Path

import pytest

from tests.index import written
from unmix import UserError, open_index
from unmix.explorer.view import View
from unmix.index.explanations import FILE, read_explanations
from unmix.index.read import Index


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return open_index(written.write(tmp_path / "run").run)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"not json", "line 2 of .* is no explanation: .*; mend the line, or take it out"),
        (b'{"latent": 1}', "`text` is missing"),
        (b'{"latent": 9999, "text": "a"}', "there is no latent 9999"),
        (b'{"latent": 1, "text": "a", "scores": {"detection": NaN}}', "a score is no number"),
        (b"[1]", "is no explanation"),
        (b"\xff\xfe", "cannot be read .* write it anew in UTF-8"),
    ],
    ids=["text", "without text", "no latent", "nan", "list", "bytes"],
)
def test_a_line_that_is_none_is_named(index: Index, line: bytes, sentence: str):
    (index.run / FILE).write_bytes(b'{"latent": 1, "text": "a"}\n' + line + b"\n")
    with pytest.raises(UserError, match=sentence):
        read_explanations(index)


def test_they_are_read_again_when_the_file_has_changed(index: Index):
    view = View(index)
    assert view.explanations == {}
    path = index.run / FILE
    for second, text in enumerate(("months", "days"), start=1):
        path.write_text(f'{{"latent": 1, "text": "{text}"}}\n')
        os.utime(path, (second, second))
        assert [one.text for one in view.explanations[1]] == [text]
    path.unlink()
    assert view.explanations == {}
