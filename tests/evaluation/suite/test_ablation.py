"""Ablation sparsity: by hand, against a plain run in float64, and where effects are planted."""

import numpy as np
import pytest
import torch

from tests.evaluation.made import llama
from unmix.errors import UserError
from unmix.evaluation.suite.ablation import effects
from unmix.evaluation.suite.ablation.draw import Text, draw, has_room
from unmix.evaluation.suite.ablation.effects import Ablator, compared
from unmix.evaluation.suite.subject import Firings
from unmix.models.sites import resolve, writing

HORIZON = 4


def test_effective_share_by_hand():
    before = torch.full((4, 5), 0.2).log()
    one = torch.zeros(4, 5)
    one[0, 2] = 3.0  # a single logit of the ten of the first change
    one[2:] = torch.tensor([[0.0, 1, -1, 1, -1], [7.0, 7, 7, 7, 7]])
    found = compared(iter([(before, before + one)]), horizon=2)
    # Second: four logits of ten change by 1; a shift of all is no change at all.
    assert found.share.tolist() == pytest.approx([1 / 10, 4 / 10])
    assert found.here.tolist() == pytest.approx([1 / 5, 4 / 5])


def test_kl_by_hand():
    before, after = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.25, 0.75]]).log()
    found = compared(iter([(before, after)]), horizon=1)
    assert found.kl.tolist() == [[pytest.approx(0.5 * np.log(2) + 0.5 * np.log(2 / 3))]]


def test_no_change_has_no_share():
    before = torch.full((2, 5), 0.2).log()
    assert compared(iter([(before, before)]), horizon=2).share.isnan().all()


def given() -> tuple[torch.Tensor, torch.Tensor]:
    tokens = torch.randint(2, 320, (6, 24), generator=torch.Generator().manual_seed(0))
    return tokens, torch.tensor([1, 3, 3, 9, 14, 18])


@pytest.mark.parametrize("site", ["resid.0", "mlp.1", "heads.1", "resid.2"])
def test_equals_a_plain_run_in_float64(site: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(effects, "PASS", 40)  # several passes
    model, (tokens, places) = llama(), given()
    added = torch.randn(6, 32, generator=torch.Generator().manual_seed(1))
    ablator = Ablator(model, site, site, horizon=HORIZON)
    found, twice = ablator.effects(
        tokens, places, [lambda _, some: added[some], lambda y, some: 2 * y]
    )
    exact = llama().double()
    for i, place in enumerate(places.tolist()):

        def put(x: torch.Tensor, i: int = i, place: int = place) -> torch.Tensor:
            x = x.clone()
            x[0, place] += added[i].double()
            return x

        with torch.no_grad():
            before = exact(tokens[i : i + 1]).logits[0, place : place + HORIZON].log_softmax(-1)
            with writing(exact, resolve(exact, site), put):
                after = exact(tokens[i : i + 1]).logits[0, place : place + HORIZON].log_softmax(-1)
        moved = after - before
        moved = moved - moved.median(1, keepdim=True).values
        share = moved.abs().sum() ** 2 / moved.square().sum() / moved.numel()
        assert float(found.share[i]) == pytest.approx(float(share), rel=1e-3)
        kl = (before.exp() * (before - after)).sum(1)
        assert found.kl[i].tolist() == pytest.approx(kl.tolist(), rel=1e-3, abs=1e-6)
    assert not torch.equal(found.kl, twice.kl)


def test_the_lower_blocks_run_once(monkeypatch: pytest.MonkeyPatch):
    model, (tokens, places) = llama(), given()
    added = torch.ones(6, 32)
    fast = Ablator(model, "resid.1", "resid.1", horizon=HORIZON)
    assert fast.cut is not None
    (short,) = fast.effects(tokens, places, [lambda _, some: added[some]])
    assert fast.cut is not None  # bit-equal, so it was kept
    monkeypatch.setattr(effects, "find_cut", lambda *_: None)
    whole = Ablator(model, "resid.1", "resid.1", horizon=HORIZON)
    (plain,) = whole.effects(tokens, places, [lambda _, some: added[some]])
    assert torch.equal(short.share, plain.share)


def test_one_rare_word_is_sparser_than_all():
    """At the last block's end the head alone follows, so directions decide what is written."""
    model, (tokens, places) = llama(), given()
    head = model.lm_head.weight.detach()
    model.model.norm = torch.nn.Identity()
    with torch.no_grad():
        head[:, 0] = 0.0
        head[7, 0] = 1.0  # the first coordinate writes one word
    one = torch.zeros(6, 32)
    one[:, 0] = 5.0
    other = torch.zeros(6, 32)
    other[:, 1:] = 1.0
    ablator = Ablator(model, "resid.2", "resid.2", horizon=HORIZON)
    word, many = ablator.effects(
        tokens, places, [lambda _, some: one[some], lambda _, some: other[some]]
    )
    assert word.share.tolist() == pytest.approx([1 / (320 * HORIZON)] * 6, rel=1e-2)
    assert (many.share > 50 * word.share).all()


def test_a_model_without_logits_is_refused():
    with pytest.raises(UserError, match="no logits"):
        Ablator(llama().model, "resid.1", "resid.1", horizon=HORIZON)


def firings() -> tuple[Firings, Text]:
    """Two contexts of 10 tokens, the first of two documents; latent 1 never fires."""
    documents = np.array([[0] * 5 + [1] * 5, [2] * 10])
    places = np.stack([np.repeat([0, 1], 10), np.tile(np.arange(10), 2)], 1).astype(np.int32)
    rows = np.array([0, 4, 7, 13, 19, 9, 19], np.int32)
    latents = np.array([0, 5, 5, 7], np.int64)
    acts = np.arange(7, dtype=np.float32)
    tokens = np.arange(20, dtype=np.int32)
    return (
        Firings(tokens, documents.reshape(-1), places, latents, rows, acts),
        Text(tokens.reshape(2, 10), documents),
    )


def test_only_firings_with_room_behind_them_are_drawn():
    found, text = firings()
    room = has_room(found, text, horizon=3)
    assert np.flatnonzero(room).tolist() == [0, 1, 5, 6, 10, 11, 12, 13, 14, 15, 16]
    seen = set()
    for seed in range(30):
        drawn = draw(found, text, count=5, horizon=3, within=10, seed=seed)
        assert drawn.latents.tolist() == [0]  # the other one fires at ends only
        place = (int(drawn.contexts[0]), int(drawn.places[0]), float(drawn.acts[0]))
        seen.add(place)
    assert seen == {(0, 0, 0.0), (1, 3, 3.0)}
    drawn = draw(found, text, count=5, horizon=3, within=3, seed=0)
    assert (drawn.contexts.tolist(), drawn.places.tolist()) == ([0], [0])


def test_a_normal_change_falls_on_two_in_pi():
    before = torch.zeros(16, 4096)
    moved = torch.randn(16, 4096, generator=torch.Generator().manual_seed(0))
    found = compared(iter([(before, before + moved)]), horizon=16)
    assert float(found.share) == pytest.approx(2 / np.pi, rel=0.01)
