"""What a reader writes about latents: a text and tags each, in `RUN/notes.sqlite`.

Notes lie beside the index, which may be written anew, and belong to a dictionary by the fingerprint
of its file: after another training the numbers mean other latents, and old notes do not show.  As
JSONL, one object a line, they go into git and into other copies of the run:

    {"latent": 412, "text": "months", "tags": ["time"], "changed": "2026-01-31T12:00:00+00:00"}
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import NamedTuple, final

from unmix.errors import UserError
from unmix.index.lines import refusal
from unmix.index.read import Index

FILE = "notes.sqlite"
LONGEST_TEXT, LONGEST_TAG, MOST_TAGS = 20_000, 60, 30
TABLE = """
CREATE TABLE IF NOT EXISTS notes (
  dictionary TEXT NOT NULL, latent INTEGER NOT NULL, text TEXT NOT NULL, tags TEXT NOT NULL,
  changed TEXT NOT NULL, PRIMARY KEY (dictionary, latent)
) WITHOUT ROWID
"""


class Note(NamedTuple):
    """What the reader wrote about a latent."""

    latent: int
    text: str
    tags: list[str]
    changed: str
    """ISO time, UTC; empty if never."""


@final
class Notes:
    """The notes on the latents of one dictionary."""

    def __init__(self, index: Index) -> None:
        self.path = index.run / FILE
        self._n_latents = len(index)
        self._dictionary = index.manifest.dictionary_fingerprint

    @property
    def version(self) -> int:
        """A number that changes whenever a note does."""
        return self.path.stat().st_mtime_ns if self.path.exists() else 0

    def of(self, latent: int) -> Note:
        """Return the note on a latent, empty if there is none."""
        rows = self._read("AND latent = ?", latent)
        return rows[0] if rows else Note(latent, "", [], "")

    def all(self) -> list[Note]:
        """Return every note, by latent."""
        return self._read("ORDER BY latent")

    def tags(self) -> dict[int, list[str]]:
        """Return the tags of every latent that has any."""
        return {note.latent: note.tags for note in self.all() if note.tags}

    def tagged(self, tag: str) -> list[int]:
        """Return the latents that have a tag."""
        return [note.latent for note in self.all() if tag in note.tags]

    def put(self, latent: int, text: str, *, tags: Sequence[str] = (), changed: str = "") -> Note:
        """Write the note on a latent in the place of the one there was.

        Raises:
            UserError: There is no such latent, the note is too long, or it cannot be written.
        """
        note = self._checked(latent, text, tags, changed)
        self._write([note])
        return note

    def lines(self) -> Iterator[str]:
        """Give every note as a line of JSON, in the order of the latents."""
        for note in self.all():
            yield json.dumps(note._asdict(), ensure_ascii=False) + "\n"

    def take(self, lines: Iterable[str]) -> int:
        """Take notes from lines of JSON, where they are newer than those there; return how many.

        Raises:
            UserError: A line is not a note.  None of them is taken then.
        """
        there = {note.latent: note.changed for note in self.all()}
        read = [self._parsed(line, i) for i, line in enumerate(lines, start=1) if line.strip()]
        newer = [note for note in read if note.changed > there.get(note.latent, "")]
        self._write(newer)
        return len(newer)

    def _parsed(self, line: str, number: int) -> Note:
        try:
            data = json.loads(line)
            tags = [str(tag) for tag in data.get("tags", [])]
            changed = str(data.get("changed", ""))
            return self._checked(int(data["latent"]), str(data["text"]), tags, changed)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise refusal(f"line {number} of the notes is no note", error) from error

    def _checked(self, latent: int, text: str, tags: Sequence[str], changed: str) -> Note:
        """Return a note that may be kept."""
        if not 0 <= latent < self._n_latents:
            raise UserError(
                f"there is no latent {latent}; they run from 0 to {self._n_latents - 1}"
            )
        if len(text) > LONGEST_TEXT:
            raise UserError(f"the note has {len(text)} characters; at most {LONGEST_TEXT} are kept")
        clean = list(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
        if len(clean) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in clean):
            raise UserError(
                f"a latent has at most {MOST_TAGS} tags of at most {LONGEST_TAG} characters"
            )
        return Note(latent, text, clean, changed or datetime.now(UTC).isoformat(timespec="seconds"))

    def _read(self, rest: str, *values: int) -> list[Note]:
        if not self.path.exists():
            return []
        query = f"SELECT latent, text, tags, changed FROM notes WHERE dictionary = ? {rest}"
        with self._open() as database:
            rows = database.execute(query, (self._dictionary, *values)).fetchall()
        return [Note(latent, text, json.loads(tags), at) for latent, text, tags, at in rows]

    def _write(self, notes: Iterable[Note]) -> None:
        rows = [
            (self._dictionary, one.latent, one.text, json.dumps(one.tags), one.changed)
            for one in notes
        ]
        with self._open() as database, database:
            database.executemany("INSERT OR REPLACE INTO notes VALUES (?, ?, ?, ?, ?)", rows)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=5)) as database:
                database.execute(TABLE)
                yield database
        except sqlite3.Error as error:
            raise UserError(f"notes cannot be kept in `{self.path}`: {error}") from error
