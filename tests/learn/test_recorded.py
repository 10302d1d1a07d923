"""The recorded numbers are those of the code that is here; some runs are run again."""

import hashlib
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.sparsity import TopK
from unmix.learn import keys, listing, path, verify
from unmix.learn.again import again, used
from unmix.learn.asked import Place
from unmix.learn.equations import EQUATIONS
from unmix.learn.evaluators import select
from unmix.learn.files import RECORDED, read
from unmix.learn.grid import HELD, held_out
from unmix.learn.measures import measured
from unmix.learn.parity import parity
from unmix.learn.probe import differences
from unmix.learn.recipe import Recipe, made
from unmix.learn.schema import Grid, Heldout, Listing, Parity, Provenance
from unmix.learn.schema import Path as Ways

AGAIN = (Place(setting=16), Place(kind="relu", setting=0.8), Place(kind="gated", l0=4))
"""Some that claims look at; `python -m unmix.learn.verify` runs all of them."""
STALE = "the recorded numbers are of other code; run `make learn-runs`, which takes half an hour"


@pytest.fixture(scope="module")
def grid() -> Grid:
    return read(Grid, "grid")


@pytest.fixture(scope="module")
def provenance() -> Provenance:
    return read(Provenance, "recorded")


def test_the_code_that_says_what_is_recorded_is_that_which_recorded(provenance: Provenance):
    assert provenance.key == keys.key(), STALE


def test_short_runs_come_to_what_was_recorded(provenance: Provenance):
    assert differences(provenance.probe) == [], STALE


def test_runs_that_claims_look_at_come_to_the_same_again(grid: Grid, provenance: Provenance):
    runs = [select(grid, place)[0] for place in AGAIN]
    compared = again(runs, Recipe.model_validate(provenance.recipe))
    assert compared.n == len(AGAIN)
    assert compared.off == [], STALE


def test_a_number_that_was_tampered_with_is_found(grid: Grid, provenance: Provenance):
    short = Recipe.model_validate(provenance.recipe | {"steps": 5, "tokens": 4096})
    compared = again([select(grid, Place(setting=4))[1]], short)
    assert compared.off
    assert "flat, topk 4, seed 1: nmse was" in compared.off[0]


def test_the_listing_prints_what_was_recorded():
    recorded, fresh = read(Listing, "listing"), listing.run()
    assert hashlib.sha256(recorded.source_text.encode()).hexdigest() == recorded.source_sha256
    assert (fresh.source_sha256, fresh.exit) == (recorded.source_sha256, 0)
    assert fresh.stdout == recorded.stdout
    assert recorded.metrics["low_l0"] > recorded.metrics["high_l0"]


def test_the_kernel_is_compared_with_what_python_does():
    recorded, fresh = read(Parity, "parity"), parity()
    for old, new in zip(recorded.train, fresh.train, strict=True):
        assert old.after.keys() == {"1", "10", "20"}
        for step, parameters in old.after.items():
            np.testing.assert_allclose(parameters.W_dec, new.after[step].W_dec, atol=1e-5)
    for old, new in zip(recorded.codes, fresh.codes, strict=True):
        np.testing.assert_allclose(old.acts, new.acts, atol=1e-5)
        assert any(old.acts)


def test_held_out_tokens_and_weights_are_as_they_are_described(grid: Grid):
    listed = read(Heldout, "heldout").flat
    data = np.frombuffer((RECORDED / "heldout/flat.bin").read_bytes(), dtype="<f4")
    x, directions = np.split(data, [listed.n * listed.d])
    fresh = held_out(made("flat", 0))
    np.testing.assert_allclose(x, fresh.world.sample(HELD).x.flatten(), atol=1e-5)
    assert listed.offsets[-1] == len(listed.features) == 4 * HELD
    run = select(grid, Place(setting=4))[0]
    assert run.weights is not None
    assert run.heldout is not None
    numbers = torch.from_numpy(np.frombuffer((RECORDED / run.weights).read_bytes(), "<f4").copy())
    dictionary = of_numbers(numbers, d=listed.d, m=40, k=4)
    again = measured(fresh.world, dictionary, n=HELD)
    assert math.isclose(again.nmse, run.heldout.nmse, abs_tol=1e-5)
    assert math.isclose(again.f1, run.heldout.f1, abs_tol=1e-5)
    np.testing.assert_allclose(directions, fresh.world.directions.flatten(), atol=1e-6)


def of_numbers(numbers: torch.Tensor, *, d: int, m: int, k: int) -> Dictionary:
    """Read a TopK dictionary as the page does."""
    dictionary = Dictionary(d, m, TopK(k)).requires_grad_(False)
    W_enc, b_enc, W_dec, b_pre = numbers.split([m * d, m, m * d, d])
    dictionary.W_enc.copy_(W_enc.view(m, d))
    dictionary.W_dec.copy_(W_dec.view(m, d))
    dictionary.b_enc.copy_(b_enc)
    dictionary.b_pre.copy_(b_pre)
    return dictionary.eval()


def test_the_path_begins_at_the_truth_and_leaves_it():
    ways = read(Ways, "path")
    for k, budget in ways.budgets.items():
        first, last = budget.snapshots[0], budget.snapshots[-1]
        assert first.mcc > 0.999
        assert last.nmse < first.nmse
        size = (RECORDED / budget.weights).stat().st_size
        assert size == 2 * len(budget.snapshots) * (2 * 32 * 20 + 32 + 20), k
    assert ways.perfect_coder.learned < ways.perfect_coder.truth


def test_the_perfect_coder_tries_every_pair():
    draw = torch.Generator().manual_seed(0)
    W = torch.nn.functional.normalize(torch.randn(5, 3, generator=draw), dim=1)
    x = torch.randn(7, 3, generator=draw)
    best = []
    for row in x:
        tried = [0.0]
        for i in range(5):
            for j in range(5):
                acts = torch.linalg.lstsq(W[[i, j]].T, row.unsqueeze(1)).solution.squeeze(1)
                acts = (
                    torch.stack([(W[i] @ row).clamp_min(0), torch.tensor(0.0)]) if i == j else acts
                )
                if bool((acts >= 0).all()):
                    rebuilt = acts @ W[[i, j]]
                    tried.append(float(row.square().sum() - (row - rebuilt).square().sum()))
        best.append(max(tried))
    plain = 1 - sum(best) / float(x.square().sum())
    assert math.isclose(path.best_error(x, W), plain, abs_tol=1e-4)


@pytest.mark.parametrize("name", EQUATIONS)
@given(seed=st.integers(0, 2**31 - 1))
def test_equations_keep_their_promise(name: str, seed: int):
    EQUATIONS[name](seed)


def test_a_key_does_not_see_words(tmp_path: Path):
    one = 'def f(x):\n    """Say."""\n    return x  # so\n'
    other = 'def f(x):\n    """Say it\n    better."""\n\n    return x\n'
    assert keys.bare(one) == keys.bare(other) != keys.bare(one.replace("x  #", "-x  #"))


def test_questions_of_a_claim_name_their_runs(grid: Grid):
    checks = verify.opened().checks
    assert len(used([checks["a-first"], checks["a-elbow"]], grid, seed=0)) == 3
