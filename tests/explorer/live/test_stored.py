"""Positions of the index: true effects, and acts computed again."""

import numpy as np
import pytest
import torch

from tests.explorer.live.made import by_hand, dense_acts
from tests.explorer.live.test_steering import busy
from unmix.errors import UserError
from unmix.explorer.live.ablation import ablate
from unmix.explorer.live.checking import check
from unmix.explorer.live.prompt import context_of
from unmix.explorer.live.session import Session
from unmix.index.read import Codes


def fired(session: Session, n: int = 12) -> tuple[int, list[int]]:
    latent = busy(session)[0]
    positions = session.index.codes(latent).positions
    chosen = np.random.default_rng(0).choice(positions, n, replace=False)
    return latent, chosen.tolist()


def test_the_effect_is_that_of_removing_the_direction_by_hand(indexed: Session):
    latent, positions = fired(indexed)
    tokens, width = indexed.index.tokens, indexed.index.manifest.context
    seen = 0
    for one, position in zip(ablate(indexed, latent, positions), positions, strict=True):
        assert one.position == position
        begin = position // width * width
        ids = tokens.token[begin : position + 1].tolist()
        plain = by_hand(indexed, ids)
        act = dense_acts(indexed, plain.x)[-1, latent]
        delta = torch.zeros_like(plain.y)
        delta[-1] = -act * indexed.dictionary.W_dec[latent].double()
        before, after = plain.logs[-1], by_hand(indexed, ids, delta=delta).logs[-1]
        kl = float((before.exp() * (before - after)).sum())
        assert one.kl == pytest.approx(kl, rel=1e-2, abs=1e-6)
        following = position + (1 if (position + 1) % width else 2)
        if tokens.document[following] == tokens.document[position]:
            token = int(tokens.token[following])
            assert one.loss == pytest.approx(float(before[token] - after[token]), abs=1e-3)
            seen += 1
        else:
            assert one.loss is None
    assert seen > 5


def test_where_a_document_ends_no_token_follows(indexed: Session):
    tokens = indexed.index.tokens
    last = np.flatnonzero(np.diff(tokens.document)).tolist()
    last = [p for p in last if not tokens.special[p]][:5]
    assert [one.loss for one in ablate(indexed, 0, last)] == [None] * 5


def test_a_latent_that_does_not_fire_there_does_nothing(indexed: Session):
    latent, _ = fired(indexed)
    silent = np.setdiff1d(np.arange(200), indexed.index.codes(latent).positions)[:5].tolist()
    for one in ablate(indexed, latent, silent):
        assert one.kl == 0
        assert not one.loss


def test_a_token_that_is_not_measured_is_left_alone(indexed: Session):
    tokens = indexed.index.tokens
    where = np.flatnonzero(tokens.massive & ~tokens.special)[:5].tolist()
    for latent in busy(indexed, 5):
        assert {one.kl for one in ablate(indexed, latent, where)} == {0.0}


def test_every_stored_act_agrees(indexed: Session):
    for latent in busy(indexed, 8):
        positions = indexed.index.codes(latent).positions[:20].tolist()
        for one in check(indexed, latent, positions):
            assert one.agrees
            assert one.difference < 1e-2


def test_silence_agrees_with_silence(indexed: Session):
    latent, _ = fired(indexed)
    special = np.flatnonzero(indexed.index.tokens.special)
    heard = indexed.index.codes(latent).positions
    silent = np.setdiff1d(np.arange(200), np.concatenate([heard, special]))[:10].tolist()
    for one in check(indexed, latent, silent):
        assert one.stored == 0
        assert one.agrees


@pytest.mark.parametrize("by", [0.0, 0.5, 0.97, 1.03, 2.0, -1.0])
def test_an_act_that_is_wrong_does_not_agree(
    indexed: Session, by: float, monkeypatch: pytest.MonkeyPatch
):
    latent, _ = fired(indexed)
    codes = indexed.index.codes(latent)
    strong = codes.positions[codes.values > 2][:10].tolist()
    wrong = Codes(codes.positions, (codes.values * by).astype(np.float32))
    monkeypatch.setattr(type(indexed.index), "codes", lambda *_: wrong)
    found = check(indexed, latent, strong)
    assert len(found) > 3
    assert not any(one.agrees for one in found)


def test_acts_of_another_latent_do_not_agree(indexed: Session, monkeypatch: pytest.MonkeyPatch):
    first, second = busy(indexed)
    codes = indexed.index.codes(second)
    monkeypatch.setattr(type(indexed.index), "codes", lambda *_: codes)
    found = check(indexed, first, codes.positions[:20].tolist())
    assert sum(one.agrees for one in found) <= 1


def test_what_is_not_in_the_index_is_refused(indexed: Session, llama: Session):
    with pytest.raises(UserError, match=r"there is no position 99999; the index has \d"):
        context_of(indexed, 99999)
    with pytest.raises(UserError, match="there is no latent 48"):
        check(indexed, 48, [1])
    with pytest.raises(UserError, match="holds no index; write one with `unmix index RUN`"):
        ablate(llama, 0, [1])
