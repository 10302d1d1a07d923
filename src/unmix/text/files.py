"""Documents from files: plain text, JSONL, Parquet, one by one or whole folders.

A file is read in pieces that are put in the order of their hash, so the mix is the same from the
beginning of the stream to its end, whatever the order on disk.  A piece holds the lines that begin
inside its range of bytes: a part of a text file, some rows of a JSONL file, a row group of a
Parquet file.  No more than one piece is in memory.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import BinaryIO, NamedTuple

from unmix.disk import file_sha256, fingerprint
from unmix.errors import UserError
from unmix.text.document import Corpus, Document, key_of, scalars

TEXT_SUFFIXES = frozenset(
    [
        ".txt",
        ".text",
        ".md",
        ".markdown",
        ".rst",
        ".adoc",
        ".org",
        ".tex",
        ".html",
        ".htm",
        ".xml",
        ".css",
        ".csv",
        ".tsv",
        ".json",
        ".yaml",
        ".yml",
        ".toml",
        ".ini",
        ".log",
        ".py",
        ".pyi",
        ".c",
        ".h",
        ".cc",
        ".cpp",
        ".hpp",
        ".cs",
        ".go",
        ".hs",
        ".java",
        ".jl",
        ".js",
        ".jsx",
        ".kt",
        ".lua",
        ".m",
        ".ml",
        ".php",
        ".pl",
        ".r",
        ".rb",
        ".rs",
        ".scala",
        ".sh",
        ".sql",
        ".swift",
        ".ts",
        ".tsx",
    ]
)
ROW_SUFFIXES = frozenset((".jsonl", ".parquet"))
PIECE = 2**15
MOST_PIECES = 2**12


class Piece(NamedTuple):
    """A part of a file that is read at once."""

    file: Path
    name: str
    """The file as documents name it."""
    begin: int
    """First byte (text, JSONL) or row group (Parquet)."""
    end: int
    """One past the last."""
    whole: bool
    """Whether this is all of the file."""


def open_path(spec: str) -> Corpus:
    """Return the documents of a file or of all text files below a folder.

    Raises:
        UserError: There is no such path, or nothing in it that can be read.
    """
    path = Path(spec).expanduser()
    if not path.exists():
        raise UserError(f"there is no text `{spec}`; {_near(path)}")
    files = _below(path) if path.is_dir() else [path]
    if not files:
        known = ", ".join(sorted(ROW_SUFFIXES)) + ", .txt, .md, .py"
        raise UserError(f"the folder `{spec}` holds no text files ({known}, ...); choose another")
    root = path if path.is_dir() else path.parent
    return corpus(spec, files, root=root, source=path.name or spec)


def corpus(spec: str, files: Sequence[Path], *, root: Path, source: str) -> Corpus:
    """Return the documents of `files`, named by their path from `root`."""
    names = {file: file.relative_to(root).as_posix() for file in files}
    marks = [(names[file], file.stat().st_size, _head(file)) for file in files]

    def read() -> Iterator[Document]:
        pieces = [piece for file in files for piece in _pieces(file, names[file])]
        pieces.sort(key=lambda p: hashlib.sha256(f"{p.name}:{p.begin}".encode()).digest())
        for piece in pieces:
            yield from _read(piece, source)

    return Corpus(spec, fingerprint(marks), read)


def _near(path: Path) -> str:
    """Say what else there is where `path` was looked for."""
    there = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    near = get_close_matches(path.name, [*there, "news", "stdlib"], n=3)
    if near:
        return f"did you mean {' or '.join(f'`{name}`' for name in near)}?"
    return "give `news`, `stdlib`, a file, a folder, or `hub:owner/name`"


def _below(folder: Path) -> list[Path]:
    """Return the readable files below a folder, sorted; hidden ones are left out."""
    known = TEXT_SUFFIXES | ROW_SUFFIXES
    found = (file for file in folder.rglob("*") if file.suffix.lower() in known)
    seen = (f for f in found if not any(p.startswith(".") for p in f.relative_to(folder).parts))
    return sorted(file for file in seen if file.is_file())


def _head(file: Path) -> str:
    """Return a hash of the first megabyte: with the size, enough to tell versions apart."""
    with file.open("rb") as opened:
        return hashlib.sha256(opened.read(2**20)).hexdigest()[:16]


def _pieces(file: Path, name: str) -> list[Piece]:
    """Cut a file into pieces."""
    if file.suffix.lower() == ".parquet":
        groups = _parquet(file).num_row_groups
        return [Piece(file, name, i, i + 1, groups == 1) for i in range(groups)]
    size = file.stat().st_size
    step = max(PIECE, -(-size // MOST_PIECES))
    return [Piece(file, name, i, i + step, size <= step) for i in range(0, size, step)]


def _read(piece: Piece, source: str) -> Iterator[Document]:
    """Read the documents of a piece."""
    suffix = piece.file.suffix.lower()
    if suffix == ".parquet":
        return _rows(piece, source)
    return _objects(piece, source) if suffix == ".jsonl" else _part(piece, source)


def _lines(opened: BinaryIO, piece: Piece) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that begin inside the piece, each with its place in the file."""
    if piece.begin:
        opened.seek(piece.begin - 1)
        opened.readline()  # the line under way belongs to an earlier piece
    place = opened.tell()
    while place < piece.end and (line := opened.readline()):
        yield place, line
        place += len(line)


def _part(piece: Piece, source: str) -> Iterator[Document]:
    """Read a text file, or the part of a long one."""
    with piece.file.open("rb") as opened:
        raw = b"".join(line for _, line in _lines(opened, piece))
    if b"\0" in raw[:1024]:
        raise UserError(f"`{piece.file}` is not UTF-8 text; convert it, or leave it out")
    text = raw.decode("utf-8", "replace").removeprefix("\ufeff")
    if not text.strip():
        return
    if piece.whole:
        yield Document(piece.name, text, source, {}, key_of(text))
    else:
        name = f"{piece.name} [{piece.begin}:]"
        yield Document(name, text, source, {"begin": piece.begin}, file_sha256(piece.file))


def _objects(piece: Piece, source: str) -> Iterator[Document]:
    """Read rows of a JSONL file: an object a line, with its text under `text`."""
    with piece.file.open("rb") as opened:
        for place, line in _lines(opened, piece):
            if not line.strip():
                continue
            where = f"`{piece.file}`, byte {place}"
            try:
                row = json.loads(line)
            except (json.JSONDecodeError, UnicodeDecodeError) as error:
                raise UserError(f"{where}: not a line of JSON ({error}); mend the file") from error
            if not isinstance(row, dict):
                raise UserError(f"{where}: the line is not a JSON object; mend the file")
            yield from row_document(row, f"{piece.name} [{place}]", source, where=where)


def _rows(piece: Piece, source: str) -> Iterator[Document]:
    """Read a row group of a Parquet file, with its text in the column `text`."""
    import pyarrow as pa

    file = _parquet(piece.file)
    schema = file.schema_arrow
    plain = (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer)
    plain += (pa.types.is_floating, pa.types.is_boolean)
    names = [f.name for f in schema if any(is_plain(f.type) for is_plain in plain)]
    if "text" not in names:
        columns = ", ".join(f"`{name}`" for name in schema.names)
        raise UserError(f"`{piece.file}` has no text column `text`; its columns are {columns}")
    rows = file.read_row_group(piece.begin, columns=names).to_pylist()
    for number, row in enumerate(rows):
        name = f"{piece.name} [{piece.begin}, {number}]"
        yield from row_document(row, name, source, where=f"`{piece.file}`")


def row_document(
    row: dict[str, object], name: str, source: str, *, where: str
) -> Iterator[Document]:
    """Yield the document of a row, or nothing if its text is empty."""
    text = row.get("text", "")
    if "text" not in row or not isinstance(text, str | None):
        fields = ", ".join(f"`{field}`" for field in row)
        raise UserError(f"{where}: no text under `text`; the fields are {fields}")
    if text and text.strip():
        yield Document(name, text, source, scalars(row, without="text"), key_of(text))


def _parquet(file: Path):
    """Open a Parquet file, or raise a sentence naming it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(file)
    except pa.ArrowInvalid as error:
        raise UserError(f"`{file}` is not a whole Parquet file; write it anew") from error
