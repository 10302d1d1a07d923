"""A page on plain files: every object is the server's, and nothing of another folder is touched."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.index.written import DEAD, MAY, RULED, write
from unmix.cli.main import main
from unmix.errors import UserError
from unmix.explorer.answers.examples import examples
from unmix.explorer.answers.latent import latent as answer_latent
from unmix.explorer.answers.misses import misses
from unmix.explorer.answers.run import run_info
from unmix.explorer.answers.slices import differences
from unmix.explorer.app import STATIC
from unmix.explorer.view import View
from unmix.export import site as module
from unmix.export.config import SiteConfig
from unmix.export.site import Site
from unmix.index.examples import Wish
from unmix.index.read import open_index

PAGE = (
    '<html><head><meta name="unmix" content="server" /></head><script src="a.js"></script></html>'
)
KEPT = SiteConfig(top=4, interval=2, tokens=2, token=3, misses=5, window=6)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a run with an index, a note and an explanation."""
    folder = write(tmp_path_factory.mktemp("site") / "run").run
    View(open_index(folder)).notes.put(RULED, "months & <b>", tags=["time"])
    said = {"latent": RULED, "text": "names of months", "by": "a model", "scores": {"f1": 0.9}}
    (folder / "explanations.jsonl").write_text(json.dumps(said) + "\n")
    return folder


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give what stands for the built page."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "index.html").write_text(PAGE)
    (folder / "assets").mkdir()
    (folder / "assets" / "a.js").write_text("1")
    return folder


@pytest.fixture(scope="module")
def out(written: Path, page: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an exported page."""
    folder = tmp_path_factory.mktemp("out") / "site"
    Site(written, folder, kept=KEPT, page=page).write(nothing)
    return folder


def nothing(done: int, total: int) -> None:
    """Count nothing."""


def leaf(out: Path, latent: int) -> dict[str, Any]:
    """Read a latent as the page does."""
    folder = out / "data" / "latents"
    packs = json.loads((folder / "index.json").read_text())["packs"]
    pack = [one for one in packs if one["first"] <= latent][-1]
    place = latent - pack["first"]
    start = pack["ends"][place - 1] if place else 0
    data = (folder / pack["file"]).read_bytes()[start : pack["ends"][place]]
    return json.loads(gzip.decompress(data))


def unpacked(example: dict[str, Any]) -> dict[str, Any]:
    """Return an example with its pieces as objects, as the page does."""
    columns = example["pieces"]
    acts = dict(columns["act"])
    rows = zip(columns["text"], columns["token"], np.cumsum(columns["step"]).tolist(), strict=True)
    pieces = [
        {"text": text, "act": acts.get(i, 0.0), "position": position, "token": token}
        for i, (text, token, position) in enumerate(rows)
    ]
    return example | {"pieces": pieces}


def served(answer: Any) -> Any:
    """Return what the server sends of an object."""
    return json.loads(answer.model_dump_json())


def test_the_page_is_told_that_it_is_static(out: Path):
    text = (out / "index.html").read_text()
    assert '<meta name="unmix" content="static">' in text
    assert "default-src 'self'" in text
    assert (out / "assets" / "a.js").read_text() == "1"


def test_what_is_known_of_all_latents(out: Path, written: Path):
    view = View(open_index(written))
    data = out / "data"
    assert json.loads((data / "run.json").read_text()) == served(run_info(view))
    column = np.frombuffer((data / "column" / "density").read_bytes(), "<f4")
    assert column.tolist() == view.index.column("density").astype("<f4").tolist()
    exact = np.frombuffer((data / "exact" / "density").read_bytes(), "<f8")
    assert exact.tolist() == view.index.column("density").tolist()
    texts = json.loads((data / "texts.json").read_text())
    assert texts["columns"]["label"][RULED] == "May"
    assert texts["token"][RULED] == " May"
    assert texts["occurs"][RULED] == view.index.vocabulary.count[MAY]
    assert texts["tags"] == {str(RULED): ["time"]}
    assert json.loads((data / "notes.json").read_text())[0]["text"] == "months & <b>"
    assert (data / "latents.csv").read_text().startswith('"latent",')
    found = {
        (one["a"], one["b"]): one for one in json.loads((data / "differences.json").read_text())
    }
    pair = ("source:code", "source:news")
    assert found[pair] == served(differences(view, *pair, limit=100))


@pytest.mark.parametrize("latent", [0, RULED, DEAD, 7, 23])
def test_a_latent_is_what_the_server_says(out: Path, written: Path, latent: int):
    view = View(open_index(written))
    found = leaf(out, latent)
    assert found["latent"] == served(answer_latent(view, latent))
    silent = found["misses"]
    silent["misses"] = [one | {"example": unpacked(one["example"])} for one in silent["misses"]]
    assert silent == served(misses(view, latent, n=KEPT.misses))
    wanted = {
        "top": Wish("top", n=4),
        "document": Wish("document", n=4),
        "range": Wish("range", n=4),
        "range+": Wish("range", n=20),
    }
    for token in [one["token"] for one in found["latent"]["tokens"][:2]]:
        wanted[f"token:{token}"] = Wish("token", n=3, token=token)
    assert set(found["sets"]) == set(wanted)
    for name, wish in wanted.items():
        asked = served(examples(view, latent, wish, around=KEPT.window))
        shown = [unpacked(found["examples"][i]) for i in found["sets"][name]["at"]]
        assert (found["sets"][name]["total"], shown) == (asked["total"], asked["examples"])


def test_an_explanation_and_a_note_come_with_the_latent(out: Path):
    found = leaf(out, RULED)["latent"]
    assert found["explanations"][0]["text"] == "names of months"
    assert found["note"]["tags"] == ["time"]


def test_what_was_stopped_is_gone_on_with(written: Path, page: Path, out: Path, tmp_path: Path):
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    begun = Site(written, tmp_path / "again", kept=KEPT, page=page)
    assert not begun.is_begun()
    with pytest.raises(KeyboardInterrupt):
        begun.write(stop)
    again = Site(written, tmp_path / "again", kept=KEPT, page=page)
    assert again.is_begun()
    again.write(nothing)
    for path in sorted(out.rglob("*")):
        if path.is_file():
            other = tmp_path / "again" / path.relative_to(out)
            assert other.read_bytes() == path.read_bytes(), path


def test_the_size_is_told_before(written: Path, page: Path, out: Path, tmp_path: Path):
    expected = Site(written, tmp_path / "x", kept=KEPT, page=page).estimate()
    packs = sum(path.stat().st_size for path in (out / "data" / "latents").glob("*.bin"))
    assert packs / 2 < expected.bytes < 2 * module.size(out)
    assert not (tmp_path / "x").exists()


def test_a_disk_that_is_full_is_told_before(
    written: Path, page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: type("", (), {"free": 10})())
    with pytest.raises(UserError, match=r"the export would take about .* MB, and there are 0 MB"):
        Site(written, tmp_path / "x", kept=KEPT, page=page).estimate()


def test_no_other_folder_is_written_to(written: Path, page: Path, out: Path, tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty and no export"):
        Site(written, tmp_path, kept=KEPT, page=page).write(nothing)
    other = KEPT.model_copy(update={"top": 5})
    with pytest.raises(UserError, match="another index or with other settings"):
        Site(written, out, kept=other, page=page).write(nothing)
    with pytest.raises(UserError, match="is a file"):
        Site(written, tmp_path / "mine.txt", kept=KEPT, page=page).write(nothing)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_page_that_is_not_built_is_refused(written: Path, tmp_path: Path):
    with pytest.raises(UserError, match="the page is not built"):
        Site(written, tmp_path / "x", kept=KEPT, page=tmp_path / "none").write(nothing)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["sight", "RUN", "x"], "there is no export `sight`; there are site, neuronpedia"),
        (["site", "RUN"], "export takes what, the folder of a run, and where to"),
        (["notes", "RUN", "x", "--site.top", "3"], "the flags `--site.` mean nothing to"),
        (["notes", "RUN", "."], "`.` is a folder; name a file for the notes"),
        (["site", "nowhere", "x"], "`nowhere/index` holds no index"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(
    words: list[str], sentence: str, written: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["export", *(str(written) if word == "RUN" else word for word in words)]) == 2
    assert sentence in capsys.readouterr().err


def test_from_the_command_line(written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    if not (STATIC / "index.html").is_file():
        pytest.skip("the page is not built: `make web`")
    few = [
        "--site.top",
        "2",
        "--site.interval",
        "0",
        "--site.tokens",
        "0",
        "--site.misses",
        "0",
        "--processes",
        "1",
    ]
    words = ["export", "site", str(written), str(tmp_path / "x"), *few]
    assert main(words) == 0
    first = capsys.readouterr()
    assert first.out.strip() == str(tmp_path / "x")
    told = first.err.splitlines()
    assert re.fullmatch(r"about [\d.]+ MB, in about [\d.]+ min", told[0])
    assert re.match(r"[\d.]+ MB; to look at it: `python -m http.server", told[-1])
    assert main(words) == 0  # nothing is left to do, and nothing is estimated
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_notes_are_lines_of_json(written: Path, tmp_path: Path):
    assert main(["export", "notes", str(written), str(tmp_path / "notes.jsonl")]) == 0
    lines = (tmp_path / "notes.jsonl").read_text().splitlines()
    assert [json.loads(line)["latent"] for line in lines] == [RULED]
    fresh = View(open_index(write(tmp_path / "copy").run))
    assert fresh.notes.take(lines) == 1
    assert fresh.notes.of(RULED).text == "months & <b>"
