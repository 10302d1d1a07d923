"""The context a latent needs, against trying everything."""

import pytest
import torch

from tests.explorer.live.made import TEXT, by_hand, dense_acts, keep_of
from tests.explorer.live.test_steering import busy
from unmix.errors import UserError
from unmix.explorer.live import forward, shortening
from unmix.explorer.live.prompt import context_of, prompt
from unmix.explorer.live.session import Session
from unmix.explorer.live.shortening import shorten, shorten_at


def act(session: Session, ids: list[int], latent: int) -> float:
    """Return a latent's act at the last of some tokens, zero where it is not measured."""
    plain = by_hand(session, ids)
    keep = plain.x[-1].norm() <= session.bounds[session.site]
    return float(dense_acts(session, plain.x)[-1, latent] * keep)


@pytest.mark.parametrize("keep", [0.3, 0.8, 1.0])
@pytest.mark.parametrize("rank", [0, 1, 2])
def test_the_shortest_ending_is_found(session: Session, keep: float, rank: int):
    latent = busy(session, 3)[rank]
    ids = prompt(session, TEXT).ids
    found = shorten(session, TEXT, latent, keep=keep)
    place = len(found.tokens) - 1
    plain = by_hand(session, ids)
    acts = dense_acts(session, plain.x)[:, latent] * keep_of(session, ids, plain)
    assert place == int(acts.argmax())
    assert found.act == pytest.approx(float(acts[place]), rel=1e-3)
    tried = {
        n: act(session, [ids[0], *ids[place + 1 - n : place + 1]], latent)
        for n in range(1, place + 1)
    }
    enough = [n for n, value in tried.items() if value >= keep * found.act - 1e-5]
    assert place + 1 - found.kept_from == enough[0]
    assert found.kept_act == pytest.approx(tried[enough[0]], rel=1e-3)


def test_each_token_is_left_out_once(session: Session):
    latent = busy(session)[0]
    ids = prompt(session, TEXT).ids
    found = shorten(session, TEXT, latent)
    place = len(found.tokens) - 1
    assert found.tried_from == 1
    assert len(found.without) == len(found.tokens)
    assert found.without[0] == found.without[-1] == found.act
    for i in range(1, place):
        expected = act(session, ids[:i] + ids[i + 1 : place + 1], latent)
        assert found.without[i] == pytest.approx(expected, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("near", [1, 3, 8])
def test_what_comes_before_is_read_once(
    session: Session, near: int, monkeypatch: pytest.MonkeyPatch
):
    ids = prompt(session, TEXT).ids
    place = len(ids) - 1
    latent = int(dense_acts(session, by_hand(session, ids).x)[place].argmax())
    whole = shorten(session, TEXT, latent, token_index=place)
    monkeypatch.setattr(shortening, "NEAR", near)
    cached = shorten(session, TEXT, latent, token_index=place)
    assert cached.tried_from == place - near
    assert cached.without[-near - 1 :] == pytest.approx(whole.without[-near - 1 :], rel=1e-3)
    assert set(cached.without[: place - near]) == {cached.act}
    monkeypatch.setattr(shortening, "PASS", 4)
    monkeypatch.setattr(forward, "has_cache", lambda _: False)
    plain = shorten(session, TEXT, latent, token_index=place)
    assert plain.without == pytest.approx(cached.without, rel=1e-3, abs=1e-4)


def test_long_endings_are_found_in_steps(llama: Session, monkeypatch: pytest.MonkeyPatch):
    """Where the act only rises with the context, halving finds what trying all finds."""
    monkeypatch.setattr(shortening, "EXACT", 3)
    ids = list(range(40))
    place = shortening._Place(ids, 1, 0, 1.0)
    for needed in range(1, 40):

        def acts(_session: object, _place: object, lengths: list[int], needed: int = needed):
            return [float(length >= needed) for length in lengths]

        monkeypatch.setattr(shortening, "_acts_of_endings", acts)
        assert shortening._shortest(llama, place, enough=1.0) == (needed, 1.0)


def test_a_position_of_the_index_is_shortened_as_its_context(indexed: Session):
    latent = busy(indexed)[0]
    codes = indexed.index.codes(latent)
    position = int(codes.positions[codes.values.argmax()])
    found = shorten_at(indexed, position, latent)
    width = indexed.index.manifest.context
    ids = indexed.index.tokens.token[position // width * width : position + 1].tolist()
    assert context_of(indexed, position).ids == ids
    assert len(found.tokens) == len(ids)
    assert found.act == pytest.approx(float(codes.values.max()), rel=1e-2)


def test_a_latent_that_is_silent_is_refused(llama: Session):
    with pytest.raises(UserError, match="does not fire on that token"):
        shorten(llama, TEXT, busy(llama)[0], token_index=0)
    with pytest.raises(UserError, match=r"there is no token 999; the last of the text is \d+"):
        shorten(llama, TEXT, 0, token_index=999)
    with pytest.raises(UserError, match="there is no latent 48"):
        shorten(llama, TEXT, 48)


def test_the_prefix_may_be_empty(llama: Session):
    rows = torch.tensor([[3, 4, 5], [6, 7, 8]])
    alone = forward.as_far_as_site(llama, rows, prefix=forward.NOTHING)
    after = forward.as_far_as_site(llama, rows, prefix=torch.tensor([3]))
    assert alone.shape == after.shape == (2, 3, 32)
    assert not torch.equal(alone, after)
