"""Scores over seeds, their controls and their table; and the loop on a world."""

import pytest
import torch
from rich.console import Console
from scipy.stats import t

from unmix.errors import UserError
from unmix.evaluation.hedging import measure_hedging
from unmix.evaluation.planted import against_truth
from unmix.evaluation.score import Score
from unmix.evaluation.seeds import over_seeds, truth_over_seeds, truth_table
from unmix.evaluation.truths import TRUTHS
from unmix.training.config import DictionaryConfig
from unmix.training.planted import (
    Pupil,
    batches_of,
    learn,
    learners_of,
    of_truth,
    scaling_of,
    widened,
)
from unmix.worlds.named import world

SMALL = DictionaryConfig(kind="batch-topk", latents=20, k=1, lr=1e-2)


def score(value: float | None, name: str = "MCC") -> Score:
    shell = vars(TRUTHS[name]) | {"value": value, "n": 10, "seconds": 0.5}
    return Score(**shell)


def test_an_interval_over_seeds_is_students():
    values = [0.5, 0.6, 0.7, 0.55]
    found = over_seeds([{"MCC": score(v)} for v in values])["MCC"]
    x = torch.tensor(values, dtype=torch.float64)
    reach = t.ppf(0.975, 3) * float(x.std()) / 2
    assert found.value == pytest.approx(float(x.mean()))
    assert found.low == pytest.approx(float(x.mean()) - reach)
    assert found.high == pytest.approx(float(x.mean()) + reach)
    assert found.n == 40
    assert "4 seeds" in found.definition


def test_intervals_end_where_a_score_does():
    assert over_seeds([{"MCC": score(v)} for v in (0.9, 1.0)])["MCC"].high == 1.0
    bias = [{"relative bias": score(v, "relative bias")} for v in (0.9, 1.0)]
    high = over_seeds(bias)["relative bias"].high
    assert high is not None
    assert high > 1.0


def test_one_seed_has_no_interval_and_none_no_value():
    assert over_seeds([{"MCC": score(0.5)}])["MCC"].low is None
    assert over_seeds([{"MCC": score(None)}])["MCC"].value is None


def test_a_dictionary_that_learns_beats_its_controls():
    found = truth_over_seeds(
        lambda seed: world("shrinkage", seed=seed),
        SMALL,
        steps=200,
        batch=256,
        seeds=(0, 1),
        n=4096,
    )
    assert list(found) == ["dictionary", "frozen", "random", "truth"]
    value = {name: scores["MCC"].value or 0.0 for name, scores in found.items()}
    assert value["dictionary"] > 0.95
    assert value["truth"] == pytest.approx(1)
    assert value["frozen"] == pytest.approx(value["random"])
    assert value["frozen"] < 0.7
    fvu = {name: scores["FVU"].value or 0.0 for name, scores in found.items()}
    assert fvu["dictionary"] < fvu["frozen"] < 1
    assert found["random"]["L0"].value == pytest.approx(1, abs=0.3)
    console = Console(width=120, record=True)
    console.print(truth_table(found, names=["MCC", "F1", "dead latents"]))
    said = console.export_text()
    assert "truth" in said
    assert "↑ MCC" in said


def test_learning_is_the_same_every_time():
    there = world("shrinkage")
    one, two = (learn(there, {"it": Pupil(SMALL)}, steps=20, seed=3)["it"] for _ in range(2))
    assert torch.equal(one.W_dec, two.W_dec)
    other = learn(there, {"it": Pupil(SMALL)}, steps=20, seed=4)["it"]
    assert not torch.equal(one.W_dec, other.W_dec)


def test_a_start_on_raw_activations_is_where_learning_begins():
    there = world("superposed", offset=3.0)
    config = DictionaryConfig(kind="topk", latents=64, k=3)
    start = learn(there, {"it": Pupil(config)}, steps=50)["it"]
    learner = learners_of(there, {"it": Pupil(config, start)}, steps=10, batch=64)["it"]
    again = learner.finished()
    for name, tensor in start.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], tensor, atol=1e-4, rtol=1e-4)
    x = there.sample(100).x
    torch.testing.assert_close(again(x), start(x), atol=1e-4, rtol=1e-3)
    smaller = {"it": Pupil(config.model_copy(update={"latents": 32}), start)}
    with pytest.raises(UserError, match="does not fit"):
        learners_of(there, smaller, steps=10, batch=64)


def test_scaling_is_the_worlds():
    scaling = scaling_of(world("superposed", offset=3.0))
    x = scaling.apply(next(batches_of(world("superposed", offset=3.0), 20_000))["x"])
    assert float(x.mean(0).abs().max()) < 0.05
    assert float(x.square().mean()) == pytest.approx(1, abs=0.02)


def test_the_truth_as_a_start():
    there = world("tree")
    config = DictionaryConfig(kind="topk", latents=40, k=3)
    made = of_truth(there, config)
    torch.testing.assert_close(made.W_dec[:32], there.directions)
    held = learn(there, {"it": Pupil(config, made, frozen=True)}, steps=100)["it"]
    torch.testing.assert_close(held.W_dec[:32], there.directions, atol=1e-5, rtol=1e-5)
    assert against_truth(there, held, n=4096)["MCC"].value == pytest.approx(1, abs=1e-4)


def test_a_widened_dictionary_keeps_what_it_was():
    config = DictionaryConfig(kind="gated", latents=8, k=2)
    there = world("superposed", n_features=12, width=8)
    first = learn(there, {"it": Pupil(config)}, steps=20)["it"]
    wider = widened(first, config.model_copy(update={"latents": 11}))
    for name, tensor in first.state_dict().items():
        kept = wider.state_dict()[name]
        assert torch.equal(kept[:8] if kept.shape != tensor.shape else kept, tensor), name
    with pytest.raises(UserError, match="fewer than"):
        widened(first, config.model_copy(update={"latents": 7, "k": 2}))


def test_hedging_is_measured_by_going_on_with_more_latents():
    narrow = DictionaryConfig(
        kind="relu", recipe="bricken", weight=0.02, latents=1, k=1, lr=3e-3, aux=0
    )
    found = measure_hedging(world("hedging"), narrow, new=2, steps=20)
    assert found.name == "hedging rate"
    assert found.value is not None
    assert 0 <= found.value < 1
