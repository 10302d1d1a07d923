"""The suite from end to end on a tiny sweep: measured, kept, shown, measured anew when stale."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tests.evaluation.made import model_folder, text_folder
from unmix.activations.config import SourceConfig
from unmix.cli import evaluate as cli
from unmix.errors import UserError
from unmix.evaluation.suite import run as suite_run
from unmix.evaluation.suite.finding import Finding, read
from unmix.evaluation.suite.metric import SuiteMetric
from unmix.evaluation.suite.page import sections
from unmix.evaluation.suite.run import Suite, known, load, run_suite
from unmix.evaluation.suite.show import show
from unmix.evaluation.suite.subject import Subject
from unmix.training.config import DictionaryConfig, SweepConfig, TrainConfig
from unmix.training.run import train

MINE = ("stability", "splitting", "cdec", "ablation", "scaling")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("suite")
    model_folder(folder / "model")
    text_folder(folder / "text")
    return folder


def trained(place: Path, name: str, **changed: object) -> Path:
    source = SourceConfig(
        model=str(place / "model"),
        sites=("resid.1",),
        text=(str(place / "text"),),
        tokens=3000,
        held_out_tokens=1000,
        held_out_share=0.3,
        context=64,
        shard=1024,
        batch=8,
    )
    config = TrainConfig(
        out=place / name,
        store=str(place / "store"),
        source=source,
        dictionary=DictionaryConfig(latents=32, k=4),
        passes=2,
        batch=256,
    )
    return train(TrainConfig.model_validate(config.model_dump() | changed))


@pytest.fixture(scope="module")
def sweep(place: Path) -> Path:
    axes = SweepConfig(latents=(16, 24, 32, 48), k=(2, 4), seed=(0, 1))
    return trained(place, "sweep", sweep=axes)


@pytest.fixture(scope="module")
def one(place: Path) -> Path:
    return trained(place, "one")


@pytest.fixture(scope="module")
def found(sweep: Path) -> Suite:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suite_run, "NAMES", MINE)
        return run_suite(Subject(sweep), "quick")


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite_run, "NAMES", MINE)


def named(found: Suite, name: str) -> Finding:
    return next(one for one in found.findings if one.name == name)


def test_every_metric_applies_to_a_sweep(found: Suite):
    assert [one.name for one in found.findings] == list(MINE)
    assert found.left == []
    for finding in found.findings:
        roles = [one.role for one in finding.measured]
        assert roles == sorted(roles, key=lambda role: role != "dictionary")
        assert any(role != "dictionary" for role in roles)
        for one in finding.measured:
            for name, score in one.scores.items():
                assert score.name == name
                assert score.definition
                assert score.source
                assert score.value is not None
                if score.low is not None and score.high is not None and name != "alpha":
                    assert score.low <= score.value + 1e-9
                    assert score.value <= score.high + 1e-9


def test_what_was_learnt_is_steadier_than_chance(found: Suite):
    stability = named(found, "stability")
    rows = {one.name: one for one in stability.measured}
    assert len([one for one in stability.measured if one.role == "dictionary"]) == 16
    learnt = rows["latents16-k2-seed0"].value("PW-MCC") or 0
    assert learnt > (rows["random directions"].value("PW-MCC") or 1)


def test_widths_are_compared_in_pairs(found: Suite):
    splitting = named(found, "splitting")
    pairs = [one.name for one in splitting.measured if one.role == "dictionary"]
    assert len(pairs) == 12
    assert pairs[0] == "latents16-k2-seed0 in latents24-k2-seed0"
    kept = splitting.kept[0]
    assert kept == "suite/splitting.jsonl"


def test_c_dec_suggests_an_l0_of_every_series(found: Suite):
    cdec = named(found, "cdec")
    assert len(cdec.notes) == 8
    assert all("smallest at L0" in note for note in cdec.notes)
    assert len([one for one in cdec.measured if one.role == "baseline"]) == 4  # one of each width


def test_ablations_have_their_controls(found: Suite):
    rows = {one.name: one for one in named(found, "ablation").measured}
    assert {"frozen", "random directions", "channels"} < set(rows)
    assert all(0 < (one.value("effective share") or 0) <= 1 for one in rows.values())


def test_curves_over_n_and_over_both(found: Suite):
    scaling = named(found, "scaling")
    names = [one.name for one in scaling.measured]
    assert names[:3] == ["L(n, k), batch-topk", "L(n), batch-topk, k 2", "L(n), batch-topk, k 4"]
    assert names[3:] == ["PCA, L(k)", *(f"no curve for {name}" for name in names[:3])]
    assert (scaling.measured[1].value("beta_n") or 0) < 0
    assert scaling.measured[1].scores["beta_n"].low is not None


@pytest.mark.usefixtures("mine")
def test_what_is_known_is_not_measured_again(
    sweep: Path, found: Suite, monkeypatch: pytest.MonkeyPatch
):
    again = Subject(sweep)
    monkeypatch.setattr(Subject, "firings", refuse)
    assert run_suite(again, "quick") == found
    assert known(again) == found.findings
    assert all(finding.settings for finding in found.findings)


def refuse(*_: object, **__: object) -> Finding:
    raise AssertionError("this was known")


@pytest.mark.usefixtures("mine")
def test_nothing_stale_is_shown(sweep: Path, found: Suite, monkeypatch: pytest.MonkeyPatch):
    metric = load("cdec")
    changed(monkeypatch, replace(metric, code=(*metric.code, "unmix.evaluation.suite.page")))
    kept = [one.name for one in known(Subject(sweep))]
    assert kept == [one.name for one in found.findings if one.name != "cdec"]
    assert "cdec" not in [one.name for one in known(Subject(sweep, seed=1))]


def changed(monkeypatch: pytest.MonkeyPatch, metric: SuiteMetric) -> None:
    before: Callable[[str], SuiteMetric] = suite_run.load
    monkeypatch.setattr(
        suite_run, "load", lambda name: metric if name == metric.name else before(name)
    )


@pytest.mark.usefixtures("mine")
def test_a_stop_loses_one_metric(one: Path, monkeypatch: pytest.MonkeyPatch):
    def stop(*_: object) -> Finding:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        changed(patch, replace(load("ablation"), measure=stop))
        with pytest.raises(KeyboardInterrupt):
            run_suite(Subject(one), "quick")
    assert [finding.name for finding in known(Subject(one))] == ["cdec"]
    changed(monkeypatch, replace(load("cdec"), measure=refuse))
    assert [f.name for f in run_suite(Subject(one), "quick").findings] == ["cdec", "ablation"]


@pytest.mark.usefixtures("mine")
def test_one_that_fails_takes_nothing_with_it(one: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> Finding:
        raise UserError("the data set `x` is not there")

    changed(monkeypatch, replace(load("ablation"), measure=fail, settings=lambda _: {"new": 1}))
    suite = run_suite(Subject(one), "quick")
    assert [finding.name for finding in suite.findings] == ["cdec"]
    assert [left.title for left in suite.left] == [
        "Stability across seeds",
        "Splitting across widths",
        "Ablation sparsity",
        "Scaling laws",
    ]
    page = sections(suite.findings, suite.left)
    assert "The data set" in page
    assert "--sweep.seed 0 1 2" in page


@pytest.mark.usefixtures("mine")
def test_two_runs_are_compared(place: Path, one: Path):
    other = trained(place, "other", dictionary=DictionaryConfig(latents=32, k=4, seed=5))
    asked = {"stability": {"against": str(other)}}
    suite = run_suite(Subject(one, options=asked), "quick")
    stability = named(suite, "stability")
    rows = {row.name: row for row in stability.measured}
    assert list(rows) == ["batch-topk-32-k4", "frozen", "random directions"]
    assert "stability" in [finding.name for finding in known(Subject(one))]
    (other / "dictionary" / "dictionary.safetensors").unlink()
    assert read(one, "stability") is not None
    assert "stability" not in [finding.name for finding in known(Subject(one))]


@pytest.mark.usefixtures("mine")
def test_a_run_is_not_compared_with_itself(one: Path):
    asked = {"stability": {"against": str(one)}}
    (left,) = [
        x for x in run_suite(Subject(one, options=asked), "quick").left if "seeds" in x.title
    ]
    assert "the very same dictionary" in left.why


def test_the_tables_fit(found: Suite):
    for width in (80, 100):
        console = Console(file=io.StringIO(), width=width, color_system=None)
        console.print(show(found))
        assert isinstance(console.file, io.StringIO)
        text = console.file.getvalue()
        assert max(map(len, text.splitlines())) <= width
        assert "Scaling laws" in text
        assert "PW-MCC" in text


def test_the_report_has_a_section_and_figures_and_no_script(found: Suite):
    page = sections(found.findings, [])
    for finding in found.findings:
        assert f'<section id="{finding.name}">' in page
        for figure in finding.figures:
            assert figure.title.replace("'", "&#x27;") in page
    assert "<svg" in page
    assert "<script" not in page


@pytest.mark.usefixtures("mine")
def test_the_command_line_prints_and_writes(
    one: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    cli.run([str(one), "--suite", "quick"])
    printed = capsys.readouterr().out
    assert "c_dec" in printed
    assert "Not measured" in printed
    report = (one / "report.html").read_text()
    assert '<section id="ablation">' in report
    assert "What was not measured" in report
    monkeypatch.setattr(Subject, "firings", refuse)
    cli.run([str(one), "--suite", "quick", "--json"])
    data = json.loads(capsys.readouterr().out)
    assert set(data["suite"]) == {"cdec", "ablation"}
    assert data["evaluation"]["measured"]
    assert data["not measured"]["Scaling laws"]


def test_options_ask_for_a_suite():
    with pytest.raises(UserError, match="--suite quick --against"):
        cli.EvaluateConfig(against=Path("runs/b")).options()
