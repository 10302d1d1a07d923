"""What recorded numbers depend on.

Two things say whether they are still good.  The *key* is a hash of the code that says what is
trained and measured here, without its words: comments, docstrings and line breaks are left out.
The code that trains and measures for everybody (`worlds`, `dictionaries`, `training`, `evaluation`)
changes for many reasons, so it is asked and not hashed: `probe.py` trains a few dictionaries for
some steps and compares.
"""

import ast
import hashlib
import io
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from unmix.disk import fingerprint

PACKAGE = Path(__file__).resolve().parents[1]
DECIDING = ("learn/grid", "learn/measures", "learn/path", "learn/recipe", "worlds/small")
"""Files that say what is trained and measured."""


@cache
def key() -> str:
    """Return the key of the code that is here."""
    return fingerprint({name: code_hash(PACKAGE / f"{name}.py") for name in DECIDING})


def code_hash(path: Path) -> str:
    """Return a hash of what a file does."""
    return hashlib.sha256(bare(path.read_text(encoding="utf-8")).encode()).hexdigest()


def bare(source: str) -> str:
    """Return source code without comments, docstrings and white space."""
    told = set(_docstrings(ast.parse(source)))
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    kept = (line for number, line in enumerate(lines, 1) if number not in told)
    return "".join("".join(line.split()) for line in kept)


def _docstrings(tree: ast.Module) -> Iterator[int]:
    """Yield the numbers of lines that are texts alone, wherever they stand."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
            continue
        if isinstance(node.value.value, str) and node.end_lineno is not None:
            yield from range(node.lineno, node.end_lineno + 1)
