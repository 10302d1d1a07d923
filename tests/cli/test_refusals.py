"""Bad input, as a user meets it: one sentence, status 2, and nothing half-written."""

from pathlib import Path

import pytest

from unmix.cli.main import main


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that must be refused and return the sentence."""
    assert main(words) == 2
    captured = capsys.readouterr()
    last = captured.err.splitlines()[-1]
    assert last.startswith("error: ")
    assert "Traceback" not in captured.err
    assert captured.out == ""
    return last.removeprefix("error: ")


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """Give a text without a word."""
    (tmp_path / "empty.txt").write_text("")
    return tmp_path / "empty.txt"


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """Give a text of one sentence."""
    (tmp_path / "short.txt").write_text("the of and")
    return tmp_path / "short.txt"


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--sites", "resid.7"], "`resid.7`"),
        (["--sites", "rsid.0"], "no site `rsid.0`"),
        (["--text", "{empty}"], "empty"),
        (["--text", "{short}"], "one context"),
        (["--text", "nowhere/at/all"], "`nowhere/at/all`"),
        (["--tokens", "100000000"], "`tokens`"),
        (["--model", "nowhere/at/all"], "`nowhere/at/all`"),
        (["--context", "100000"], "`context"),
        (["--device", "gpu9"], "`gpu9`"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
@pytest.mark.parametrize("verb", ["harvest", "train"])
def test_a_source_that_cannot_be_read(
    verb: str,
    flags: list[str],
    sentence: str,
    tiny_llama: Path,
    tiny_text: Path,
    empty: Path,
    short: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    good = ["--model", str(tiny_llama), "--text", str(tiny_text), "--context", "32"]
    good += ["--sites", "resid.0", "--tokens", "2000", "--held-out-tokens", "400"]
    words = [*good, *(flag.format(empty=empty, short=short) for flag in flags)]
    if verb == "train":
        words = [word.replace("--", "--source.") for word in words]
    out = tmp_path / "out"
    assert sentence in refused([verb, *words, "--out", str(out)], capsys)
    assert not out.exists()


def test_a_store_of_something_else(
    tiny_llama: Path, tiny_text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    store = tmp_path / "store"
    good = ["--model", str(tiny_llama), "--text", str(tiny_text), "--context", "32"]
    good += ["--tokens", "2000", "--held-out-tokens", "400", "--out", str(store)]
    assert main(["harvest", *good, "--sites", "resid.0"]) == 0
    before = {path: path.read_bytes() for path in store.iterdir()}
    capsys.readouterr()
    assert "other sites" in refused(["harvest", *good, "--sites", "mlp.0"], capsys)
    run = ["train", "--store", str(store), "--out", str(tmp_path / "run")]
    assert "`mlp.0` is not among" in refused([*run, "--site", "mlp.0"], capsys)
    too_much = ["--dictionary.latents", "8", "--dictionary.k", "9"]
    assert "there are 8 latents" in refused([*run, *too_much], capsys)
    assert "fewer than one batch" in refused([*run, "--batch", "100000"], capsys)
    assert not (tmp_path / "run").exists()
    assert {path: path.read_bytes() for path in store.iterdir()} == before


@pytest.mark.parametrize("verb", [["train", "--store", "{here}/none"], ["evaluate", "{here}/none"]])
def test_a_folder_that_is_not_there(
    verb: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.chdir(tmp_path)
    assert f"{tmp_path}/none" in refused([word.format(here=tmp_path) for word in verb], capsys)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
