"""Interventions by hand, and what must change nothing."""

import pytest
import torch

from tests.explorer.live.made import TEXT, by_hand, dense_acts, keep_of
from unmix.errors import UserError
from unmix.explorer.api import Intervention
from unmix.explorer.live.prompt import prompt
from unmix.explorer.live.session import Session
from unmix.explorer.live.steering import Change, Move, change_of, moves_of, scaled


def change(session: Session, *moves: Move) -> tuple[Change, dict[str, torch.Tensor]]:
    ids = prompt(session, TEXT).ids
    plain = by_hand(session, ids)
    keep = keep_of(session, ids, plain)
    x, y = plain.x.float(), plain.y.float()
    facts = {"y": plain.y, "keep": keep, "acts": dense_acts(session, plain.x)}
    return change_of(session, moves, x=x, y=y, keep=keep), facts


def busy(session: Session, n: int = 2) -> list[int]:
    """Return latents that fire on the text."""
    plain = by_hand(session, prompt(session, TEXT).ids)
    keep = keep_of(session, prompt(session, TEXT).ids, plain)
    acts = dense_acts(session, plain.x) * keep[:, None]
    return acts.sum(0).argsort(descending=True)[:n].tolist()


def test_ablation_takes_the_contribution_away(session: Session):
    j, _ = busy(session)
    made, facts = change(session, Move(j, "ablate", 1.0))
    expected = -facts["acts"][:, j, None] * session.dictionary.W_dec[j].double()
    expected *= facts["keep"][:, None]
    torch.testing.assert_close(made.delta.double(), expected, atol=1e-4, rtol=1e-3)
    assert (expected != 0).any()


def test_clamping_moves_the_act_to_the_strength(session: Session):
    j, _ = busy(session)
    made, facts = change(session, Move(j, "clamp", 3.0))
    expected = (3 - facts["acts"][:, j, None]) * session.dictionary.W_dec[j].double()
    expected *= facts["keep"][:, None]
    torch.testing.assert_close(made.delta.double(), expected, atol=1e-4, rtol=1e-3)


def test_clamping_to_the_act_changes_nothing(llama: Session):
    j, _ = busy(llama)
    _, facts = change(llama, Move(j, "clamp", 0.0))
    t = int((facts["acts"][:, j] * facts["keep"]).argmax())
    made, _ = change(llama, Move(j, "clamp", float(facts["acts"][t, j])))
    assert made.delta[t].abs().max() < 1e-4


def test_what_is_not_measured_is_left_alone(session: Session):
    j, _ = busy(session)
    for mode in ("ablate", "clamp", "add", "project"):
        made, facts = change(session, Move(j, mode, 2.0))
        assert not made.delta[~facts["keep"]].any()
        assert (~facts["keep"]).any()


def test_adding_goes_along_the_unit_direction(session: Session):
    j, _ = busy(session)
    made, facts = change(session, Move(j, "add", -2.5))
    lengths = made.delta.norm(dim=1)[facts["keep"]]
    torch.testing.assert_close(lengths, torch.full_like(lengths, 2.5))
    assert not change(session, Move(j, "add", 0.0))[0].delta.any()


def test_projecting_leaves_only_the_strength_along_the_direction(session: Session):
    j, _ = busy(session)
    made, facts = change(session, Move(j, "project", 1.5))
    unit = torch.nn.functional.normalize(session.dictionary.W_dec[j], dim=0)
    after = facts["y"].float() + made.delta
    along = (after @ unit)[facts["keep"]]
    torch.testing.assert_close(along, torch.full_like(along, 1.5), atol=1e-4, rtol=1e-4)
    rest = after - (after @ unit)[:, None] * unit
    before = facts["y"].float() - (facts["y"].float() @ unit)[:, None] * unit
    torch.testing.assert_close(rest, before, atol=1e-4, rtol=1e-4)


def test_several_add_up_and_projections_come_last(llama: Session):
    i, j = busy(llama)
    moves = [Move(j, "project", 0.5), Move(i, "ablate", 1.0), Move(i, "add", 2.0)]
    together, facts = change(llama, *moves)
    additive = change(llama, moves[1])[0].delta + change(llama, moves[2])[0].delta
    unit = torch.nn.functional.normalize(llama.dictionary.W_dec[j], dim=0)
    y = facts["y"].float() + additive
    expected = additive + (0.5 - y @ unit)[:, None] * unit * facts["keep"][:, None]
    torch.testing.assert_close(together.delta, expected, atol=1e-4, rtol=1e-3)


def test_one_latent_may_be_moved_twice(llama: Session):
    j, _ = busy(llama)
    twice = change(llama, Move(j, "ablate", 1.0), Move(j, "clamp", 2.0))[0].delta
    apart = [change(llama, move)[0].delta for move in (Move(j, "ablate", 1), Move(j, "clamp", 2))]
    torch.testing.assert_close(twice, apart[0] + apart[1], atol=1e-5, rtol=1e-5)


def test_a_dose_scales_what_has_a_strength():
    moves = [Move(1, "ablate", 1.0), Move(2, "add", 4.0), Move(3, "clamp", 2.0)]
    assert scaled(moves, 8.0) == [moves[0], Move(2, "add", 8.0), Move(3, "clamp", 4.0)]
    assert scaled(moves[:1], 0.5) == [Move(1, "ablate", 0.5)]
    silent = [Move(2, "add", 0.0), Move(3, "clamp", 2.0)]
    assert scaled(silent, 5.0) == [Move(2, "add", 5.0), Move(3, "clamp", 2.0)]


def test_a_latent_that_is_not_there_is_refused(llama: Session):
    with pytest.raises(UserError, match="there is no latent 48; the last is 47"):
        moves_of(llama, [Intervention(latent=48, mode="ablate")])
