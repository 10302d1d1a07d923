import numpy as np
import pytest
import torch

from tests.evaluation.made import Made
from unmix.activations.config import SourceConfig
from unmix.evaluation.controls import linear, random_config, spread
from unmix.training.config import DictionaryConfig, SweepConfig, TrainConfig


def source(*, target: bool = False) -> Made:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(160, 7, generator=generator) * torch.arange(1, 8) + 5
    special = torch.zeros(20, 8, dtype=torch.bool)
    special[:, 0] = True
    acts = {"x": x}
    if target:
        mixing = torch.randn(7, 5, generator=generator)
        acts["y"] = x @ mixing + 0.3 * torch.randn(160, 5, generator=generator) - 2
    return Made(acts, (torch.arange(160) // 10).view(20, 8), special=special, shards=4)


def moments(made: Made, target: str = "x"):
    shards = [made.shard("train", i) for i in range(4)]
    means = made.moments("x").mean, made.moments(target).mean
    return spread(shards, "x", target, mean_in=means[0], mean_out=means[1])


@pytest.mark.parametrize("components", [1, 3, 7])
def test_pca_equals_the_truncated_svd(components: int):
    made = source()
    rows = made.acts["x"][~made.special.flatten()]
    centred = rows - rows.mean(0)
    u, s, v = np.linalg.svd(centred.double().numpy(), full_matrices=False)
    plain = (u[:, :components] * s[:components]) @ v[:components] + rows.mean(0).numpy()
    candidate = linear(moments(made), "x", "x", components=components)
    assert candidate.n_active == components
    np.testing.assert_allclose(candidate.rebuild(rows).activations.numpy(), plain, atol=1e-4)


def test_covariances_leave_ineligible_rows_out():
    made = source()
    rows = made.acts["x"][~made.special.flatten()].double()
    found = moments(made)
    assert found.n == len(rows) == 140
    np.testing.assert_allclose(found.inner, np.cov(rows.numpy().T, bias=True), rtol=1e-5)


def test_a_transcoder_gets_the_best_linear_map_of_that_rank():
    made = source(target=True)
    keep = ~made.special.flatten()
    x, y = made.acts["x"][keep].double(), made.acts["y"][keep].double()
    found = moments(made, "y")
    exact = (x - x.mean(0)).numpy(), (y - y.mean(0)).numpy()
    fit = np.linalg.lstsq(*exact, rcond=None)[0]
    fitted = exact[0] @ fit
    _, _, v = np.linalg.svd(fitted, full_matrices=False)
    for rank in (1, 2, 5):
        plain = fitted @ v[:rank].T @ v[:rank] + y.mean(0).numpy()
        candidate = linear(found, "x", "y", components=rank)
        rebuilt = candidate.rebuild(x.float()).activations
        np.testing.assert_allclose(rebuilt.numpy(), plain, atol=1e-3)
    assert candidate.name == "linear map 5"


def test_the_random_model_control_differs_only_in_its_weights(tmp_path):
    given = SourceConfig(model="m", text=("t",), tokens=1000)
    config = TrainConfig(
        out=tmp_path,
        store="{out}/store",
        source=given,
        dictionary=DictionaryConfig(latents=64, k=4),
        sweep=SweepConfig(k=(8, 16)),
    )
    made = random_config(config, given)
    assert made.out == tmp_path / "controls" / "random"
    assert made.folder() == made.out / "store"
    assert made.source == given.model_copy(update={"random_weights": 0})
    assert list(made.variants().values()) == [DictionaryConfig(latents=64, k=8)]
    assert not made.frozen_control
    assert made.passes == config.passes
