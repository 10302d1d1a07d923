"""Probe loss: one column at a time against many at a time, and on a latent that is the label."""

import numpy as np
import pytest
import torch
from scipy.sparse import csc_matrix

from tests.evaluation.suite.planted import noise
from tests.evaluation.suite.test_probing import LABELS, LATENT, planted
from unmix.evaluation.suite.probe_loss.measure import ENTROPY, best, rows
from unmix.evaluation.suite.probe_loss.single import cross_entropy, entries, fit, sizes
from unmix.evaluation.suite.probing import logistic
from unmix.evaluation.suite.probing.features import COORDINATES
from unmix.evaluation.suite.probing.trial import splits

PARTS = splits(LABELS, train=2 / 3, count=2, seed=0)


@pytest.mark.parametrize("is_sparse", [True, False])
def test_a_probe_on_each_column_equals_a_regression_on_it_alone(is_sparse: bool):
    columns = noise(60, 7, seed=1).double().numpy()
    if is_sparse:
        columns = np.maximum(columns - 0.7, 0)
    columns[:, 5] = 0
    y = noise(60, seed=2).numpy() > 0
    columns[:, 6] = 3.0 * y
    size = sizes(columns)
    data = entries(csc_matrix(columns) if is_sparse else columns, y, size=size)
    probes = fit(data)
    z = torch.from_numpy(columns / size).T[:, :, None]
    labels = torch.from_numpy(y).expand(7, -1)
    line = logistic.fit(z, labels, penalty=torch.ones(7, dtype=torch.float64))
    np.testing.assert_allclose(probes.w, line.weights[:, 0].numpy(), atol=1e-4)
    np.testing.assert_allclose(probes.b, line.bias.numpy(), atol=1e-4)
    expected = logistic.cross_entropy(line.score(z), labels).numpy()
    np.testing.assert_allclose(cross_entropy(data, probes), expected, atol=1e-6)


def test_a_latent_that_is_the_label_costs_next_to_nothing():
    what, x = planted()
    found = best(what, x, LABELS, parts=PARTS)
    assert found.chosen == [LATENT, LATENT]
    assert found.held_out.max() < 0.15
    assert best(COORDINATES, x, LABELS, parts=PARTS).held_out.max() < 0.15


def test_shuffled_labels_cost_more_than_knowing_nothing_though_the_minimum_is_below():
    what, x = planted()
    found = best(what, x, LABELS, parts=PARTS, shuffled=True)
    assert found.in_sample.max() < ENTROPY
    assert found.held_out.mean() > ENTROPY - 0.02


def test_a_column_no_example_fires_on_is_the_entropy_of_the_label():
    data = entries(csc_matrix((10, 1)), np.arange(10) < 5, size=np.ones(1))
    assert cross_entropy(data, fit(data)).tolist() == pytest.approx([ENTROPY])


def test_controls_stand_beside_the_dictionary():
    what, _ = planted()
    names = [row.name for row in rows([what])]
    assert names == ["planted", "shuffled labels", "coordinates", "PCA"]
