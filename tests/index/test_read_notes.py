import json
from pathlib import Path

import pytest

from tests.index import written
from tests.index.written import Written
from unmix import UserError, open_index
from unmix.index.explanations import read_explanations
from unmix.index.notes import Note, Notes


@pytest.fixture
def made(tmp_path: Path) -> Written:
    return written.write(tmp_path / "run")


@pytest.fixture
def notes(made: Written) -> Notes:
    return Notes(open_index(made.run))


def test_a_note_is_kept_and_changed(notes: Notes):
    assert notes.of(3) == Note(3, "", [], "")
    assert not notes.path.exists()  # reading writes nothing
    before = notes.version
    notes.put(3, "months", tags=[" time ", "time", ""])
    assert notes.of(3)[:3] == (3, "months", ["time"])
    assert notes.of(3).changed.endswith("+00:00")
    assert notes.version != before
    notes.put(3, "names of months")
    assert notes.of(3)[:3] == (3, "names of months", [])


def test_tags_are_found(notes: Notes):
    notes.put(1, "", tags=["seen", "odd"])
    notes.put(2, "", tags=["seen"])
    notes.put(4, "x")
    assert notes.tagged("seen") == [1, 2]
    assert notes.tags() == {1: ["seen", "odd"], 2: ["seen"]}


def test_notes_travel_as_lines_of_json(notes: Notes, tmp_path: Path):
    notes.put(7, "a “note”\n<b>", tags=["x"], changed="2026-01-02")
    notes.put(2, "two", changed="2026-01-01")
    lines = list(notes.lines())
    assert json.loads(lines[1])["text"] == "a “note”\n<b>"
    other = Notes(open_index(written.write(tmp_path / "other").run))
    other.put(2, "mine is newer", changed="2026-02-01")
    assert other.take([*lines, "\n"]) == 1
    assert [note.text for note in other.all()] == ["mine is newer", "a “note”\n<b>"]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("{", "line 2 of the notes is no note"),
        ("[]", "line 2"),
        ('{"latent": 99, "text": ""}', "no latent 99"),
        ('{"latent": 1}', "line 2 of the notes is no note: `text` is missing; mend the line"),
    ],
)
def test_a_line_that_is_no_note_takes_nothing(notes: Notes, line: str, sentence: str):
    with pytest.raises(UserError, match=sentence):
        notes.take(['{"latent": 1, "text": "good"}', line])
    assert notes.all() == []


def test_limits(notes: Notes):
    for text, tags in (("x" * 20_001, []), ("", ["y" * 61]), ("", [str(i) for i in range(31)])):
        with pytest.raises(UserError, match="at most"):
            notes.put(1, text, tags=tags)


def test_notes_of_another_dictionary_do_not_show(made: Written, notes: Notes):
    notes.put(1, "old")
    written.rewrite(made._replace(directions=made.directions[::-1]))
    assert Notes(open_index(made.run)).all() == []


def test_a_file_that_is_no_database_is_refused(notes: Notes):
    notes.path.write_text("not a database, but long enough to be looked at as one " * 40)
    with pytest.raises(UserError, match=r"notes cannot be kept in `.*notes.sqlite`"):
        notes.put(1, "x")


def test_explanations_are_read(made: Written):
    lines = [
        '{"latent": 3, "text": "months", "by": "model", "scores": {"detection": 0.9}}',
        '{"latent": 3, "text": "May"}',
        '{"latent": 4, "text": "of another", "dictionary": "wide"}',
        "",
    ]
    (made.run / "explanations.jsonl").write_text("\n".join(lines))
    index = open_index(made.run)
    assert {j: [one.text for one in some] for j, some in read_explanations(index).items()} == {
        3: ["months", "May"]
    }
    (made.run / "explanations.jsonl").write_text('{"latent": 99, "text": ""}')
    with pytest.raises(UserError, match=r"line 1 of .* no latent 99"):
        read_explanations(index)
