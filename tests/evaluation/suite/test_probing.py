"""Sparse probes: against slow references, and on latents that are the label or know nothing."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor

from tests.evaluation.suite.planted import noise, reading
from unmix.errors import UserError
from unmix.evaluation.suite.probing import data as data_module
from unmix.evaluation.suite.probing.data import DataSet, asked, load
from unmix.evaluation.suite.probing.features import (
    COMPONENTS,
    COORDINATES,
    EVERYTHING,
    Probed,
    by_difference,
    drawn,
    latents,
)
from unmix.evaluation.suite.probing.logistic import auc, f1, fit, fit_all, spanned, standardised
from unmix.evaluation.suite.probing.measure import probe, settings
from unmix.evaluation.suite.probing.scores import table
from unmix.evaluation.suite.probing.trial import splits, trial

LABELS = np.arange(120) % 2 == 0
LATENT = 3


def planted(*, latents: int = 12, width: int = 16) -> tuple[Probed, Tensor]:
    """Return a dictionary whose latent 3 is the label, and activations it reads it from."""
    directions = torch.eye(latents, width)
    x = noise(len(LABELS), width, seed=0)
    x[:, LATENT] = torch.where(torch.from_numpy(LABELS), 1.0, -1.0)
    dictionary = reading(directions, directions)
    return Probed(name="planted", role="dictionary", about="", dictionary=dictionary), x


def slow(x: np.ndarray, y: np.ndarray, penalty: float) -> np.ndarray:
    """Solve one problem by a general search."""
    sign = np.where(y, 1.0, -1.0)

    def loss(w: np.ndarray) -> float:
        return (
            np.logaddexp(0, -sign * (x @ w[:-1] + w[-1])).sum() + penalty / 2 * (w[:-1] ** 2).sum()
        )

    return minimize(loss, np.zeros(x.shape[1] + 1), options={"gtol": 1e-8}).x


def test_many_regressions_equal_a_slow_one():
    x, y = noise(4, 30, 3, seed=1).double(), noise(4, 30, seed=2) > 0
    y[1] = x[1, :, 0] > 0  # can be told apart without error
    penalties = torch.tensor([1.0, 0.1, 10.0, 1e-3], dtype=torch.float64)
    line = fit(x, y, penalty=penalties)
    for i in range(4):
        expected = slow(x[i].numpy(), y[i].numpy(), float(penalties[i]))
        found = np.append(line.weights[i].numpy(), float(line.bias[i]))
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_components_keep_all_products_of_training_examples():
    train, test = noise(2, 10, 40, seed=3).double(), noise(2, 5, 40, seed=4).double()
    less, tried = spanned(train, test)
    centre = train.mean(1, keepdim=True)
    for found, side in ((less, train), (tried, test)):
        products = (side - centre) @ (train - centre).mT
        torch.testing.assert_close(found @ less.mT, products, rtol=1e-7, atol=1e-7)
    sizes = less.square().sum(1)
    assert (sizes.diff(dim=1) <= 1e-9).all()


def test_a_probe_on_everything_is_fitted_where_examples_are_few():
    x, y = noise(2, 60, 200, seed=5).double(), noise(2, 60, seed=6) > 0
    x[:, :, 0] += torch.where(y, 4.0, -4.0)
    line, penalty = fit_all(spanned(*standardised(x, x))[0], y)
    assert penalty.shape == (2,)
    assert ((line.score(spanned(*standardised(x, x))[0]) > 0) == y).all()


def test_measures_by_hand():
    scores = torch.tensor([[2.0, -1.0, -1.0, -3.0]])
    y = torch.tensor([[True, True, False, False]])
    assert auc(scores, y[0]).tolist() == [(1 + 1 + 0.5 + 1) / 4]
    assert f1(scores, y).tolist() == [pytest.approx(2 / 3)]


def test_splits_are_disjoint_balanced_and_fixed():
    made = splits(LABELS, train=2 / 3, count=3, seed=0)
    assert [part.train.tolist() for part in made] == [
        part.train.tolist() for part in splits(LABELS, train=2 / 3, count=3, seed=0)
    ]
    assert made[0].train.tolist() != made[1].train.tolist()
    for part in made:
        assert sorted([*part.train, *part.test]) == list(range(len(LABELS)))
        assert LABELS[part.train].mean() == LABELS[part.test].mean() == 0.5


def test_a_latent_that_is_the_label_is_found_and_never_wrong():
    what, x = planted()
    parts = splits(LABELS, train=2 / 3, count=3, seed=0)
    found = trial(x, LABELS, what, ks=(1, 5), parts=parts)
    assert found.first[0] == LATENT
    for values in found.values.values():
        assert (values == 1).all()
    for one in (COORDINATES, EVERYTHING):
        assert trial(x, LABELS, one, ks=(1,), parts=parts).values[1].min() > 0.9


@pytest.mark.parametrize("what", [COORDINATES, COMPONENTS, EVERYTHING, "latents", "drawn"])
def test_what_knows_nothing_is_at_chance(what: Probed | str):
    dictionary, _ = planted()
    named = {"latents": dictionary, "drawn": drawn(dictionary)}
    one = named[what] if isinstance(what, str) else what
    accuracy = []
    for seed in range(8):
        parts = splits(LABELS, train=2 / 3, count=3, seed=seed)
        x = noise(len(LABELS), 16, seed=100 + seed)
        accuracy.append(trial(x, LABELS, one, ks=(2,), parts=parts).values[2][:, 0].mean())
    assert abs(np.mean(accuracy) - 0.5) < 0.07


def test_latents_are_the_acts_and_the_difference_that_of_their_means():
    what, x = planted()
    assert what.dictionary is not None
    acts = latents(what.dictionary, x)
    dense = what.dictionary.encode(x).dense().detach().numpy()
    np.testing.assert_allclose(acts.toarray(), dense, rtol=1e-6)
    difference = np.abs(dense[LABELS].mean(0) - dense[~LABELS].mean(0))
    order = np.argsort(-difference, kind="stable")
    assert by_difference(acts, LABELS, most=4).tolist() == order[:4].tolist()


def test_the_table_has_intervals_over_data_sets_and_differences_on_the_same_examples():
    what, x = planted()
    data = [DataSet(f"set {i}", ["text"] * len(LABELS), LABELS) for i in range(4)]
    acts = [x, *(noise(len(LABELS), 16, seed=i) for i in range(3))]
    asked = {**settings("quick"), "ks": [1, 2], "splits": 2}
    whats = [what, Probed(name="PCA", role="linear", about="", is_rotated=True), EVERYTHING]
    measured = table(probe(data, acts, whats, settings=asked), ks=(1, 2), seed=0)
    assert [one.name for one in measured] == ["planted", "PCA", "everything"]
    score = measured[0].scores["accuracy, k 1"]
    assert score.n == 4
    assert score.low is not None
    assert score.high is not None
    assert score.low < (score.value or 0) < score.high
    ahead = measured[0].value("ahead of PCA, k 1") or 0
    accuracy = [one.value("accuracy, k 1") or 0 for one in measured]
    assert ahead == pytest.approx(accuracy[0] - accuracy[1])
    assert measured[2].value("accuracy, k 1") == measured[2].value("accuracy, k 2")
    assert "sd over splits, k 2" in measured[1].scores


def folder_of(path: Path, *, n: int = 9) -> Path:
    """Write two data sets as a user would have them."""
    path.mkdir()
    texts = [f"text {i}" for i in range(n)]
    labels = ["yes" if i % 3 else "no" for i in range(n)]
    pa.csv.write_csv(pa.table({"text": texts, "label": labels}), path / "first.csv")
    other = pa.table({"prompt": texts[::-1], "target": [i % 2 == 0 for i in range(n)]})
    pa.parquet.write_table(other, path / "second.parquet")
    return path


def test_a_folder_of_data_sets_is_read_and_known_by_its_content(tmp_path: Path):
    folder = folder_of(tmp_path / "sets")
    named = asked(folder)
    first, second = load({**named, "examples": 6})
    assert (first.name, second.name) == ("first", "second")
    assert first.labels.tolist() == [False] * 3 + [True] * 3
    assert set(first.texts[:3]) == {"text 0", "text 3", "text 6"}
    assert len(second.texts) == 6
    (folder / "first.csv").write_text("text,label\na,0\nb,1\n")
    assert asked(folder) != named
    assert load({**asked(folder), "examples": 6})[0].texts == ["a", "b"]


def test_which_texts_are_used_does_not_depend_on_their_order(tmp_path: Path):
    texts = [f"text {i}" for i in range(20)]
    for name, order in (("a", texts), ("b", texts[::-1])):
        table = pa.table({"text": order, "label": [int(text[5:]) % 2 for text in order]})
        pa.csv.write_csv(table, tmp_path / f"{name}.csv")
    first, second = load({**asked(tmp_path), "examples": 8})
    assert first.texts == second.texts


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("text,class\na,1\n", "has no column `label`; it has text, class"),
        ("text,label\na,1\nb,2\nc,3\n", "has 3 labels and not two"),
        ('text,label\n"a', "cannot be read"),
    ],
)
def test_a_data_set_that_cannot_be_used_is_named(tmp_path: Path, written: str, said: str):
    (tmp_path / "odd.csv").write_text(written)
    with pytest.raises(UserError, match=said):
        load({**asked(tmp_path), "examples": 6})


def test_a_folder_without_data_sets_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"holds no `\.csv` or `\.parquet` file"):
        asked(tmp_path)


def test_the_data_sets_of_the_wheel_are_those_of_two_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    inside = tmp_path / data_module.INSIDE
    (inside / "cleaned_data").mkdir(parents=True)
    rows = {
        "Dataset save name": ["cleaned_data/5_a.csv", "cleaned_data/6_b.csv"],
        "Data type": ["Binary Classification", "Continuous Data"],
    }
    own = pa.table({"prompt": ["x", "a\nb", "c", "d"], "target": [0, 1, 0, 1]})
    files = {data_module.LIST: pa.table(rows), "cleaned_data/5_a.csv.zst": own}
    for name, written in files.items():
        with pa.output_stream(str(inside / name), compression="zstd") as stream:
            pa.csv.write_csv(written, stream)
    monkeypatch.setattr(data_module, "unpacked", lambda _: tmp_path)
    (found,) = load({"data": "sae-probes", "data_sets": [], "examples": 4})
    assert found.name == "5_a"
    assert sorted(found.texts) == ["a\nb", "c", "d", "x"]
