"""The smallest lesson of sparse autoencoders: a stronger penalty, fewer latents, a larger error."""

from collections.abc import Iterator

from torch import Tensor

from unmix.dictionaries.scaling import identity
from unmix.training.config import DictionaryConfig
from unmix.training.learner import Learner, Length
from unmix.training.loop import fit
from unmix.worlds.small import toy

WIDTH, LATENTS, ACTIVE, STEPS = 10, 24, 3, 500


def trained(x: Tensor, weight: float) -> tuple[float, float]:
    """Return the mean squared error and the active latents of an L1 dictionary."""
    config = DictionaryConfig(
        kind="relu", recipe="bricken", latents=LATENTS, k=ACTIVE, weight=weight, lr=1e-2, aux=0
    )
    learner = Learner(config, identity(WIDTH), target=None, length=Length(STEPS, len(x), 0.05, 0.2))

    def batches() -> Iterator[dict[str, Tensor]]:
        while True:
            yield {"x": x}

    for _ in fit({"it": learner}, batches(), site="x", steps=STEPS):
        pass
    dictionary = learner.finished()
    code = dictionary.encode(x)
    active = (code.dense() > 1e-3).sum(1).float().mean()
    return float((x - dictionary.decode(code)).square().mean()), float(active)


def test_a_low_penalty_is_faithful_and_a_high_one_sparse():
    x = toy().x.float()
    # The listing it comes from minimises half the squared error: its 0.0005 and 0.30, doubled.
    faithful, sparse = trained(x, 0.001), trained(x, 0.6)
    assert sparse[1] < faithful[1]
    assert sparse[0] > faithful[0]
    # Plain gradient descent, as in the listing, ends at (0.0099, 15.9) and (0.0802, 7.6).
    assert faithful[0] < 0.0099
    assert faithful[1] < 15.9
    assert sparse[0] < 0.0802
    assert sparse[1] < 7.6
