"""From a trained run on a tiny model to its numbers and its page, with all that can go wrong."""

import io
import json
import shutil
from html import escape
from pathlib import Path

import pytest
from rich.console import Console

from tests.evaluation.made import llama, model_folder, text_folder
from unmix.activations.config import SourceConfig
from unmix.errors import UserError
from unmix.evaluation.measure import Settings
from unmix.evaluation.result import Evaluation, read
from unmix.evaluation.run import evaluate
from unmix.evaluation.table import table
from unmix.training.config import DictionaryConfig, SweepConfig, TrainConfig
from unmix.training.run import train

SETTINGS = Settings(splice_tokens=256, resamples=100)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a model and a text."""
    folder = tmp_path_factory.mktemp("evaluation")
    model_folder(folder / "model")
    text_folder(folder / "text")
    return folder


def trained(place: Path, name: str, **changed: object) -> Path:
    source = SourceConfig(
        model=str(place / "model"),
        sites=("mlp_in.1", "mlp.1", "resid.1"),
        text=(str(place / "text"),),
        tokens=3000,
        held_out_tokens=1000,
        held_out_share=0.3,
        context=32,
        shard=512,
        batch=8,
    )
    config = TrainConfig(
        out=place / name,
        store=str(place / "store"),
        source=source,
        site="resid.1",
        dictionary=DictionaryConfig(latents=48, k=4),
        passes=2,
        batch=256,
        log_every=2,
    )
    return train(TrainConfig.model_validate(config.model_dump() | changed))


@pytest.fixture(scope="module")
def run(place: Path) -> Path:
    return trained(place, "run")


@pytest.fixture(scope="module")
def evaluation(run: Path) -> Evaluation:
    return evaluate(run, controls=True, settings=SETTINGS)


def printed(evaluation: Evaluation, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(table(evaluation))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_every_control_stands_beside_the_dictionary(evaluation: Evaluation):
    roles = [one.role for one in evaluation.measured]
    assert roles == ["dictionary", "frozen", "random", "linear", "ablation", "ablation"]
    names = [one.name for one in evaluation.measured]
    assert names[0] == "batch-topk-48-k4"
    l0 = evaluation.measured[0].value("L0")
    assert l0 is not None
    assert names[3] == f"PCA {round(l0)}"


def test_the_numbers_are_what_they_must_be(evaluation: Evaluation):
    first = evaluation.named("batch-topk-48-k4")
    assert 0 < (first.value("FVU") or 0) < (evaluation.named("frozen").value("FVU") or 0) < 1.2
    assert evaluation.named("mean").value("FVU") == pytest.approx(1, abs=1e-5)
    assert evaluation.named("mean").value("KL score, mean") == 0
    assert evaluation.named("zero").value("KL score, zero") == 0
    assert evaluation.named("random model").value("CE") is None
    assert evaluation.original is not None
    assert evaluation.positions > 100
    for score in first.scores.values():
        assert score.definition
        assert score.source
        assert score.low is None or score.low <= (score.value or 0) <= (score.high or 0)


def test_what_is_written_reads_back_the_same(run: Path, evaluation: Evaluation):
    assert read(run) == evaluation
    data = json.loads((run / "evaluation.json").read_text())
    assert data["schema"] == 1
    assert len(data["measured"][0]["fingerprint"]) == 16
    assert data["provenance"]["activations"]


def test_the_same_run_gives_the_same_numbers(place: Path, run: Path, evaluation: Evaluation):
    copy = place / "again"
    shutil.copytree(run, copy)
    again = evaluate(copy, settings=SETTINGS)
    for one in again.measured:
        plain = {name: (s.value, s.low, s.high) for name, s in one.scores.items()}
        before = evaluation.named(one.name).scores.items()
        assert plain == {name: (s.value, s.low, s.high) for name, s in before}


def test_the_table_fits_and_needs_no_colour(evaluation: Evaluation):
    for width in (80, 100):
        text = printed(evaluation, width)
        assert max(len(line.rstrip()) for line in text.splitlines()) <= width
        assert "…" not in text
        assert "↓ FVU" in text
        assert "PCA" in text
    assert " to " in printed(evaluation, 100)


def test_the_page_shows_ten_latents_and_their_contexts(run: Path, evaluation: Evaluation):
    html = (run / "report.html").read_text(encoding="utf-8")
    assert html.count('<article class="latent">') == 10
    assert html.count('<mark class="tok on"') > 20
    assert "resid.1 of " in html
    assert all(escape(name) in html for name in evaluation.measured[0].scores)


def test_many_dictionaries_share_one_page(place: Path):
    found = evaluate(trained(place, "many", sweep=SweepConfig(k=(2, 6))), settings=SETTINGS)
    assert [one.name for one in found.dictionaries] == ["k2", "k6"]
    assert sum(one.role == "linear" for one in found.measured) == 2
    html = (place / "many" / "report.html").read_text(encoding="utf-8")
    assert "What more latents a token buy" in html
    for width in (80, 100):
        text = printed(found, width)
        assert max(len(line.rstrip()) for line in text.splitlines()) <= width
        assert "k6" in text


def test_a_transcoder_is_measured_where_it_writes(place: Path):
    found = evaluate(
        trained(place, "transcoder", site="mlp_in.1", target="mlp.1"), settings=SETTINGS
    )
    assert (found.site, found.target) == ("mlp_in.1", "mlp.1")
    assert any(one.name.startswith("linear map") for one in found.measured)
    assert found.measured[0].value("KL score, mean") is not None
    assert "mlp_in.1 → mlp.1" in (place / "transcoder" / "report.html").read_text("utf-8")


def test_a_model_read_on_the_fly_is_measured_too(place: Path):
    found = evaluate(trained(place, "live", store=None), settings=SETTINGS)
    assert found.measured[0].value("FVU") is not None
    assert any("on the fly" in note for note in found.notes)


def test_progress_is_told_in_words(run: Path):
    told: list[str] = []
    evaluate(run, settings=SETTINGS, progress=told.append)
    assert told[0] == "opening the activations"
    assert any("held-out shard 2 of" in words for words in told)


def test_a_run_that_is_not_finished_is_refused(place: Path, run: Path):
    copy = place / "unfinished"
    shutil.copytree(run, copy)
    shutil.rmtree(copy / "dictionary")
    with pytest.raises(UserError, match=r"no finished dictionary; go on with `unmix train"):
        evaluate(copy)
    with pytest.raises(UserError, match="is not a run"):
        evaluate(place / "nowhere")


def test_other_activations_are_refused(place: Path, run: Path):
    copy = place / "moved"
    shutil.copytree(run, copy)
    card = copy / "dictionary" / "config.json"
    card.write_text(card.read_text().replace('"source": "', '"source": "x'))
    with pytest.raises(UserError, match="was trained on other activations"):
        evaluate(copy)


def test_another_model_is_refused(place: Path, run: Path):
    model = place / "model"
    shutil.move(model, place / "kept")
    try:
        model_folder(model)
        llama(seed=7, vocabulary=llama_vocabulary(place)).save_pretrained(model)
        with pytest.raises(UserError, match="is not the one the activations were read from"):
            evaluate(run)
    finally:
        shutil.rmtree(model)
        shutil.move(place / "kept", model)


def llama_vocabulary(place: Path) -> int:
    return json.loads((place / "kept" / "config.json").read_text())["vocab_size"]


def test_a_damaged_evaluation_says_so(run: Path, tmp_path: Path, evaluation: Evaluation):
    data = json.loads((run / "evaluation.json").read_text())
    (tmp_path / "evaluation.json").write_text(json.dumps(data | {"schema": 99}))
    with pytest.raises(UserError, match="has schema 99, this version reads 1"):
        read(tmp_path)
    del data["measured"]
    (tmp_path / "evaluation.json").write_text(json.dumps(data))
    with pytest.raises(UserError, match="is damaged"):
        read(tmp_path)
