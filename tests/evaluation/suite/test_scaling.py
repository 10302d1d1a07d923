"""Scaling laws: planted coefficients come back, and what a run allows is known beforehand."""

from itertools import product

import numpy as np
import pytest

from unmix.evaluation.suite.scaling.laws import (
    OF_BOTH,
    OF_K,
    OF_N,
    WITH_FLOOR,
    Law,
    Points,
    fit,
    left_out,
    left_out_of_mean,
    predicted,
)
from unmix.evaluation.suite.scaling.measure import Levels, fit_all
from unmix.evaluation.suite.scaling.series import WHY_NOT, series
from unmix.training.config import DictionaryConfig

GRID = np.array(list(product([1024, 4096, 16384, 65536], [8, 16, 32, 64])), np.float64)
GAO = [-0.017, 0.26, -0.042, -0.50, -1.32, -0.085]
"""Of GPT-4, in the order of the coefficients here."""


def points(law: Law, coefficients: list[float]) -> Points:
    n, k = GRID.T
    bare = Points(n, k, n)
    return bare._replace(loss=predicted(law, np.array(coefficients), bare))


def test_a_power_law_by_hand():
    n = np.array([10.0, 100.0, 1000.0, 10000.0])
    found = fit(OF_N, Points(n, n, 2 * n**-0.25))
    assert found.tolist() == pytest.approx([-0.25, np.log(2)])
    found = fit(OF_K, Points(n, n, 2 * n**-0.25))
    assert found.tolist() == pytest.approx([-0.25, np.log(2)])


@pytest.mark.parametrize(("law", "planted"), [(OF_BOTH, GAO[:4]), (WITH_FLOOR, GAO)])
def test_planted_coefficients_come_back(law: Law, planted: list[float]):
    given = points(law, planted)
    assert fit(law, given).tolist() == pytest.approx(planted, abs=2e-3)
    assert left_out(law, given, fit(law, given)) < 1e-4
    assert left_out_of_mean(given) > 0.05


def test_left_out_error_by_hand():
    n = np.array([1.0, np.e, np.e**2])
    given = Points(n, n, np.exp([0.0, 0.0, 3.0]))
    # Lines through the two others give -3, 1.5 and 0 where log L is 0, 0 and 3.
    missed = (3**2 + 1.5**2 + 3**2) / 3
    assert left_out(OF_N, given, fit(OF_N, given)) == pytest.approx(missed**0.5)
    assert left_out_of_mean(given) == pytest.approx(((1.5**2) * 2 + 3**2) ** 0.5 / 3**0.5)


def test_every_resample_is_fitted():
    n = np.array([16, 32, 64, 128])
    levels = [Levels(int(one), np.full(3, 4.0), one ** -np.array([0.5, 0.4, 0.6])) for one in n]
    given, found = fit_all(OF_N, levels)
    assert found[:, 0].tolist() == pytest.approx([-0.5, -0.4, -0.6])
    assert given.loss.tolist() == pytest.approx((n**-0.5).tolist())


def made(**axes: list) -> dict[str, DictionaryConfig]:
    every = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    return {f"{i}": DictionaryConfig(**one) for i, one in enumerate(every)}


def test_curves_are_those_that_the_dictionaries_allow():
    assert series(made(latents=[16, 32, 64], k=[4])) == []
    (one,) = series(made(latents=[16, 32, 64, 128], k=[4]))
    assert (one.name, one.law) == ("L(n), batch-topk, k 4", OF_N)
    (one,) = series(made(latents=[64], k=[2, 4, 8, 16]))
    assert (one.name, one.law) == ("L(k), batch-topk, 64 latents", OF_K)
    assert [one.law for one in series(made(latents=[16, 32, 64], k=[2, 4]))] == [OF_BOTH]
    assert [one.law for one in series(made(latents=[16, 32, 64], k=[2, 4, 8]))] == [WITH_FLOOR]
    assert len(series(made(latents=[16, 32, 64, 128], k=[4], seed=[0, 1]))[0].names) == 8
    names = [one.name for one in series(made(latents=[16, 32, 64, 128], k=[4], lr=[1e-3, 1e-4]))]
    assert names == ["L(n), batch-topk, k 4 (0 …)", "L(n), batch-topk, k 4 (1 …)"]
    assert "4 dictionaries" in WHY_NOT
