"""The verbs as the README has them, on a user's own model and text."""

import json
from pathlib import Path

import pytest

from unmix.cli.main import main
from unmix.disk import write_json
from unmix.training import run as training
from unmix.training.config import TrainConfig

SMALL = ["--batch", "256", "--passes", "2", "--dictionary.latents", "64", "--dictionary.k", "4"]


@pytest.mark.parametrize(("family", "site"), [("tiny_llama", "resid.0"), ("tiny_gpt2", "mlp.1")])
def test_from_a_model_to_numbers(
    family: str,
    site: str,
    tiny_text: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
):
    model = request.getfixturevalue(family)
    store, out = tmp_path / "store", tmp_path / "run"
    source = ["--model", str(model), "--text", str(tiny_text), "--context", "32"]
    source += ["--tokens", "4000", "--held-out-tokens", "600", "--sites", site]
    assert main(["harvest", *source, "--out", str(store)]) == 0
    assert capsys.readouterr().out == f"{store}\n"

    assert main(["train", "--store", str(store), "--out", str(out), *SMALL]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{out}\n"
    assert "training 2 dictionaries" in captured.err

    assert main(["evaluate", str(out)]) == 0
    captured = capsys.readouterr()
    assert "FVU" in captured.out
    assert captured.out.endswith(f"report: {out / 'report.html'}\n")
    assert "FVU" not in captured.err

    assert main(["train", "--resume", str(out)]) == 0
    assert "is finished; nothing to do" in capsys.readouterr().err

    assert main(["evaluate", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads((out / "evaluation.json").read_text())
    assert found["site"] == site


def test_one_command_harvests_and_trains(
    tiny_llama: Path, tiny_text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    recipe = tmp_path / "mine.toml"
    recipe.write_text(
        f'out = "{tmp_path}/run"\nstore = "{{out}}/store"\nbatch = 256\n'
        f'[source]\nmodel = "{tiny_llama}"\ntext = ["{tiny_text}"]\nsites = ["resid.0"]\n'
        "context = 32\ntokens = 2000\nheld_out_tokens = 400\n"
        "[dictionary]\nlatents = 64\nk = 4\n"
    )
    assert main(["train", str(recipe)]) == 0
    assert (tmp_path / "run" / "store" / "manifest.json").exists()
    capsys.readouterr()
    assert main(["train", str(recipe)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: `{tmp_path}/run` holds a run already; go on with `unmix train")
    assert error.count("\n") == 1


def test_a_stop_before_the_first_step_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "run"

    def stopped(config: TrainConfig, **_: object) -> Path:
        write_json(out / "config.json", config.model_dump(mode="json"))
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", stopped)
    assert main(["train", "--store", "store", "--out", str(out)]) == 130
    assert capsys.readouterr().err == f"stopped; go on with `unmix train --resume {out}`\n"
