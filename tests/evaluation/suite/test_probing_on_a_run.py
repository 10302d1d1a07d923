"""Probes on a tiny run: from a folder of data sets to a table that is kept."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pytest

from tests.evaluation.made import model_folder, text_folder
from unmix.activations.config import SourceConfig
from unmix.cli.evaluate import EvaluateConfig
from unmix.errors import UserError
from unmix.evaluation.suite import run as suite_run
from unmix.evaluation.suite.run import Suite, load, run_suite
from unmix.evaluation.suite.subject import Subject
from unmix.training.config import DictionaryConfig, TrainConfig
from unmix.training.run import train

MINE = ("probing", "probe_loss", "absorption")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("probing")
    source = SourceConfig(
        model=str(model_folder(folder / "model")),
        sites=("resid.1",),
        text=(str(text_folder(folder / "text")),),
        tokens=3000,
        held_out_tokens=1000,
        held_out_share=0.3,
        context=64,
        shard=1024,
        batch=8,
    )
    made = DictionaryConfig(latents=48, k=4)
    train(
        TrainConfig(
            out=folder / "run",
            store=str(folder / "store"),
            source=source,
            dictionary=made,
            passes=2,
            batch=256,
        )
    )
    data_sets(folder / "sets")
    return folder


def data_sets(folder: Path) -> None:
    """Write data sets whose label is the last word, or nothing at all."""
    folder.mkdir()
    words = ["the", "cat", "does", "not", "take", "a", "view"]
    texts = [f"{words[i % 7]} {words[i // 7 % 7]} {words[i % 5]} " for i in range(60)]
    easy = [text + ("cat" if i % 2 else "view") for i, text in enumerate(texts)]
    for name, some in (("easy", easy), ("hard", [f"{text}{i}" for i, text in enumerate(texts)])):
        table = pa.table({"text": some, "label": [i % 2 for i in range(60)]})
        pa.csv.write_csv(table, folder / f"{name}.csv")


@pytest.fixture(scope="module")
def found(place: Path) -> Suite:
    options = EvaluateConfig(suite="quick", probes=place / "sets").options()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suite_run, "NAMES", MINE)
        return run_suite(Subject(place / "run", options=options), "quick")


def test_probes_are_measured_and_letters_an_untrained_model_does_not_know_are_left(found: Suite):
    assert [one.name for one in found.findings] == ["probing", "probe_loss"]
    (left,) = found.left
    assert "does not find first letters" in left.why


def test_every_score_has_an_interval_or_says_how_it_moves(found: Suite, place: Path):
    for finding in found.findings:
        assert finding.measured[0].role == "dictionary"
        assert {one.role for one in finding.measured[1:]} >= {"frozen", "random", "baseline"}
        for one in finding.measured:
            for name, score in one.scores.items():
                assert score.n in (2, 3)
                assert "sd" in name or score.low is not None
        assert all((place / "run" / name).exists() for name in finding.kept)


def test_a_dictionary_is_compared_data_set_by_data_set(found: Suite):
    for finding, name, ahead in zip(
        found.findings,
        ("accuracy, k 1", "probe loss"),
        ("ahead of PCA, k 1", "over PCA"),
        strict=True,
    ):
        rows = {one.name: one for one in finding.measured}
        difference = (finding.measured[0].value(name) or 0) - (rows["PCA"].value(name) or 0)
        assert finding.measured[0].value(ahead) == pytest.approx(difference)
        assert ahead not in rows["frozen"].scores


def test_a_label_in_the_last_token_is_found_and_chance_is_not(found: Suite, place: Path):
    lines = (place / "run" / found.findings[0].kept[0]).read_text().splitlines()
    easy, hard = (json.loads(line) for line in lines)
    assert easy["everything"]["accuracy"]["1"] > 0.9
    assert easy["coordinates"]["accuracy"]["16"] > 0.9
    assert hard["everything"]["accuracy"]["1"] < 0.8


def test_metrics_are_measured_anew_where_a_data_set_changed(
    found: Suite, place: Path, monkeypatch: pytest.MonkeyPatch
):
    options = EvaluateConfig(suite="quick", probes=place / "sets").options()
    told: list[str] = []
    monkeypatch.setattr(suite_run, "NAMES", ("probing",))
    run_suite(Subject(place / "run", options=options, report=told.append), "quick")
    assert not any("probing" in line and "data sets" in line for line in told)
    with (place / "sets" / "easy.csv").open("a") as file:
        file.write("a cat,0\na view,1\n")
    options = EvaluateConfig(suite="quick", probes=place / "sets").options()
    run_suite(Subject(place / "run", options=options, report=told.append), "quick")
    assert any("probing" in line and "data sets" in line for line in told)


def test_probes_without_a_suite_are_refused(tmp_path: Path):
    with pytest.raises(UserError, match="--suite quick --probes FOLDER"):
        EvaluateConfig(probes=tmp_path).options()


@pytest.mark.parametrize("name", MINE)
def test_all_code_that_decides_the_numbers_is_in_the_key(name: str):
    metric = load(name)
    folder = Path(suite_run.__file__).parent / name
    modules = {f"unmix.evaluation.suite.{name}.{file.stem}" for file in folder.glob("*.py")}
    assert modules - set(metric.code) == {f"unmix.evaluation.suite.{name}.__init__"}
    assert len(metric.code_hashes()) == len(metric.code)
