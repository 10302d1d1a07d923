"""The verb `explore`: what it opens, and what it says where there is nothing to open."""

from pathlib import Path

import pytest

from tests.index import made as tiny_run
from tests.index import written
from unmix import UserError
from unmix.cli import explore
from unmix.cli.explore import ExploreConfig, view_of
from unmix.explorer import app, serve


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return written.write(tmp_path / "run").run


def test_runs_beside_are_named_after_their_folder(run: Path, tmp_path: Path):
    other = written.write(tmp_path / "twin").run
    view = view_of(run, ExploreConfig(beside=(other,)))
    assert list(view.others) == ["twin"]
    view = view_of(run, ExploreConfig(beside=(other, other)))
    assert list(view.others) == ["twin", str(other)]
    (other / "index").rename(other / "one")
    (other / "index").mkdir()
    (other / "one").rename(other / "index" / "wide")
    assert list(view_of(run, ExploreConfig(beside=(other,))).others) == ["twin/wide"]
    assert view_of(other, ExploreConfig(dictionary="wide")).index.name == "wide"


def test_notes_are_taken(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "notes.jsonl"
    file.write_text('{"latent": 3, "text": "months", "changed": "2026-01-01"}\n')
    view = view_of(run, ExploreConfig(notes=file))
    assert view.notes.of(3).text == "months"
    assert "1 notes taken" in capsys.readouterr().err
    with pytest.raises(UserError, match=r"cannot be read .*; give a file that"):
        view_of(run, ExploreConfig(notes=tmp_path / "none.jsonl"))


def test_a_run_without_an_index_is_indexed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run = tiny_run.run(tmp_path)
    with pytest.raises(UserError, match="holds no index"):
        view_of(run, ExploreConfig(index=False))
    view = view_of(run, ExploreConfig())
    assert len(view.index) == 101
    assert "an index of `" in capsys.readouterr().err
    view_of(run, ExploreConfig())
    assert "is needed first" not in capsys.readouterr().err


def test_the_run_is_asked_for(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(UserError, match="takes the folder of a run first: `unmix explore RUN`"):
        explore.run(["--no-browser"])
    with pytest.raises(SystemExit):
        explore.run(["--help"])
    assert "--beside" in capsys.readouterr().out


def test_the_address_is_printed_and_a_missing_page_is_told_of(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    served = []

    def stop(view: object, *, tell, **options: object) -> None:
        served.append(options)
        tell("http://127.0.0.1:8000/")

    monkeypatch.setattr(serve, "serve", stop)
    monkeypatch.setattr(app, "STATIC", tmp_path)
    explore.run([str(run), "--no-browser", "--port", "8005"])
    captured = capsys.readouterr()
    assert captured.out == "http://127.0.0.1:8000/\n"
    assert "`make web` builds it" in captured.err
    assert served == [{"host": "127.0.0.1", "port": 8005, "browser": False}]


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match=str(tmp_path)):
        explore.run([str(tmp_path), "--no-browser"])
