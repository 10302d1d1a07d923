"""The settings of the demo."""

from pathlib import Path

import pytest

from unmix.cli import demo
from unmix.cli.demo import DemoConfig, demo_config, run
from unmix.cli.parse import recipe
from unmix.errors import UserError
from unmix.training.config import TrainConfig


def test_the_demo_is_its_recipe():
    assert demo_config(DemoConfig()) == recipe(TrainConfig, "demo.toml")


def test_fewer_tokens_need_fewer_held_out_ones():
    config = demo_config(DemoConfig(tokens=20_000, out=Path("there")))
    assert config.source is not None
    assert config.source.tokens == 20_000
    assert config.source.held_out_tokens <= 4096
    assert config.folder() == Path("there/store")


def test_more_tokens_change_nothing_else():
    whole = demo_config(DemoConfig())
    more = demo_config(DemoConfig(tokens=1_000_000))
    assert whole.source is not None
    source = whole.source.model_copy(update={"tokens": 1_000_000})
    assert more == whole.model_copy(update={"source": source})


def test_the_folder_of_another_run_is_left_alone(tmp_path: Path):
    from unmix.disk import write_json

    other = TrainConfig(out=tmp_path, store="somewhere")
    write_json(tmp_path / "config.json", other.model_dump(mode="json"))
    with pytest.raises(UserError, match="holds another run; choose another folder with `--out`"):
        run(["--out", str(tmp_path), "--no-serve"])
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_from_nothing_to_a_table_and_again(
    tiny_llama: Path,
    tiny_text: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    tiny = {
        "store": "{out}/store",
        "batch": 256,
        "source": {
            "model": str(tiny_llama),
            "text": [str(tiny_text)],
            "sites": ["resid.0"],
            "context": 32,
            "tokens": 2000,
            "held_out_tokens": 400,
        },
        "dictionary": {"latents": 64, "k": 4},
    }
    monkeypatch.setattr(demo, "read_recipe", lambda _: tiny)
    out = tmp_path / "demo"
    run(["--out", str(out), "--no-serve"])
    first = capsys.readouterr().out
    assert "FVU" in first
    report, following, page = first.splitlines()[-3:]
    assert report == f"report: {out / 'report.html'}"
    assert following.startswith("next:   unmix train demo.toml --source.model MODEL")
    assert page == f"page:   unmix explore {out}"
    assert (out / "index" / "manifest.json").exists()
    run(["--out", str(out), "--no-serve"])
    captured = capsys.readouterr()
    assert captured.out == first
    assert captured.err == f"`{out}` is finished; remove it to start anew\n"
