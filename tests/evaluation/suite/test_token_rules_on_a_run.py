"""Token patterns, rules and explanations on a trained run, beside all of its controls."""

import json

import pytest

from tests.evaluation.made import model_folder, text_folder
from tests.evaluation.suite import judge as judges
from unmix.activations.config import SourceConfig
from unmix.evaluation.controls import train_on_random_weights
from unmix.evaluation.suite import detection, explain, n2g
from unmix.evaluation.suite.finding import Finding
from unmix.evaluation.suite.subject import Subject
from unmix.training.config import DictionaryConfig, TrainConfig
from unmix.training.run import train

SETTINGS = {"latents": 12, "train": 6000, "held_out": 3000, "seed": 0}
NAME = "batch-topk-48-k4"


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """Train a small dictionary, its frozen twin, and the same on a model of random weights."""
    place = tmp_path_factory.mktemp("rules")
    model_folder(place / "model")
    text_folder(place / "text", documents=120)
    source = SourceConfig(
        model=str(place / "model"),
        sites=("resid.1",),
        text=(str(place / "text"),),
        tokens=6000,
        held_out_tokens=3000,
        held_out_share=0.3,
        context=64,
        shard=1024,
        batch=8,
    )
    given = {"out": place / "run", "store": str(place / "store"), "source": source}
    shape = DictionaryConfig(latents=48, k=4)
    config = TrainConfig(**given, dictionary=shape, passes=2, batch=256)
    run = train(config)
    train_on_random_weights(config, source, report=lambda _: None)
    return Subject(run)


def rows(found: Finding) -> dict[str, str]:
    return {one.name: one.role for one in found.measured}


EVERY = {
    NAME: "dictionary",
    "frozen": "frozen",
    "shuffled firings": "baseline",
    "random model": "random",
}


def test_rules_stand_beside_every_control(subject: Subject):
    found = detection.METRIC.measure(subject, SETTINGS)
    assert rows(found) == EVERY
    shuffled = found.measured[2]
    assert shuffled.value("whether, n-gram") == pytest.approx(0.5, abs=0.15)
    assert (found.measured[0].value("where AUC, n-gram") or 0) > 0.7
    assert [curve.name for curve in found.figures[0].curves] == list(EVERY)


def test_patterns_stand_beside_every_control_and_are_kept(subject: Subject):
    found = n2g.METRIC.measure(subject, {**SETTINGS, "by_model": 3})
    assert rows(found) == EVERY
    lines = [json.loads(line) for line in (subject.run / found.kept[0]).read_text().splitlines()]
    assert {line["dictionary"] for line in lines} == set(EVERY)
    assert any(line["drawn"]["patterns"] for line in lines)
    read = [one.name for one in found.measured if "recall, by model" in one.scores]
    assert read == [NAME, "frozen", "random model"]


def test_explanations_stand_beside_every_control(subject: Subject):
    with judges.serving(judges.random) as judge:
        asked = {"url": judge.url, "model": "small"}
        settings = {**SETTINGS, "latents": 4, "shown": 6, "asked": 6} | asked
        found = explain.METRIC.measure(subject, settings)
        n = len(judge.asked)
        explain.METRIC.measure(subject, settings)
        assert len(judge.asked) == n
    assert rows(found) == {
        NAME: "dictionary",
        "another's": "baseline",
        "token set rule": "baseline",
        "n-gram rule": "baseline",
        "frozen": "frozen",
        "random model": "random",
    }
    assert (subject.run / "explanations.jsonl").is_file()


def test_two_measurements_are_equal(subject: Subject):
    twice = [detection.METRIC.measure(subject, SETTINGS) for _ in range(2)]
    numbers = [[(s.value, s.low, s.high) for s in one.measured[0].scores.values()] for one in twice]
    assert numbers[0] == numbers[1]


def test_code_that_decides_the_numbers_is_there():
    for metric in (n2g.METRIC, detection.METRIC, explain.METRIC):
        assert all(metric.code_hashes().values())
        assert isinstance(json.dumps(metric.settings("full")), str)


def test_a_store_is_enough(subject: Subject):
    """Rules do not even load the model."""
    fresh = Subject(subject.run)
    detection.METRIC.measure(fresh, SETTINGS | {"latents": 3})
    assert "model" not in fresh.__dict__
