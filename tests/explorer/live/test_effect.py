"""What interventions do to the next token, against plain runs."""

import pytest
import torch

from tests.explorer.live.made import TEXT, by_hand
from tests.explorer.live.test_steering import busy, change
from unmix.errors import UserError
from unmix.explorer.api import EffectOf, Intervention
from unmix.explorer.live import dose
from unmix.explorer.live.effect import effect
from unmix.explorer.live.prompt import Prompt, prompt
from unmix.explorer.live.session import Session
from unmix.explorer.live.steering import Move
from unmix.explorer.live.unchanged import Unchanged


def found(session: Session, mode: str, strength: float = 0.0, **more: object) -> EffectOf:
    one = Intervention.model_validate(
        {"latent": busy(session)[0], "mode": mode, "strength": strength}
    )
    return effect(session, TEXT, [one], **more)


def kl(p: torch.Tensor, q: torch.Tensor) -> float:
    return float((p.exp() * (p - q)).sum(-1).mean())


@pytest.mark.parametrize("mode", ["ablate", "clamp", "add", "project"])
def test_the_next_token_is_that_of_a_plain_run(session: Session, mode: str):
    strength = 1.0 if mode == "ablate" else 6.0
    made, _ = change(session, Move(busy(session)[0], mode, strength))
    ids = prompt(session, TEXT).ids
    before = by_hand(session, ids).logs[-1]
    after = by_hand(session, ids, delta=made.delta.double()).logs[-1]
    effect_of = found(session, mode, strength, strengths=[])
    assert effect_of.curve == []
    assert effect_of.kl == pytest.approx(kl(before, after), rel=1e-2, abs=1e-6)
    assert effect_of.kl > 0
    apart = (after.exp() - before.exp()).abs()
    assert [c.token for c in effect_of.changes[:3]] == apart.topk(3).indices.tolist()
    logit = (after - before) - (after - before).mean()
    for one in effect_of.changes:
        assert one.before == pytest.approx(float(before[one.token].exp()), rel=1e-3)
        assert one.after == pytest.approx(float(after[one.token].exp()), rel=1e-3)
        assert one.logit == pytest.approx(float(logit[one.token]), abs=1e-3)


def test_adding_nothing_changes_nothing(llama: Session):
    nothing = found(llama, "add", 0.0, strengths=[0.0])
    assert nothing.kl == 0
    assert {c.before - c.after for c in nothing.changes} == {0.0}
    assert nothing.curve[0].kl < 1e-6
    assert nothing.curve[0].kl_random < 1e-6


def test_the_curve_is_that_of_plain_runs(session: Session):
    strengths = [2.0, 8.0]
    effect_of = found(session, "clamp", 4.0, strengths=strengths)
    ids, j = prompt(session, TEXT).ids, busy(session)[0]
    plain = by_hand(session, ids)
    special = [i in session.model.tokenizer.all_special_ids for i in ids]
    for strength, point in zip(strengths, effect_of.curve, strict=True):
        made, facts = change(session, Move(j, "clamp", strength))
        moved = by_hand(session, ids, delta=made.delta.double())
        where = [t for t in range(len(ids)) if not special[t]]
        picked = torch.linspace(len(where) - 1, 0, 16).round().long().tolist()
        places = [where[i] for i in picked if facts["keep"][where[i]]]
        assert places[0] == len(ids) - 1
        assert point.strength == strength
        assert point.kl == pytest.approx(kl(plain.logs[places], moved.logs[places]), rel=1e-2)
        losses = [-float(moved.logs[t - 1, ids[t]]) for t in range(1, len(ids)) if not special[t]]
        assert point.loss == pytest.approx(sum(losses) / len(losses), rel=1e-4)
        controls = []
        for direction in dose._directions(made.directions):
            assert direction.norm() == pytest.approx(float(made.directions.norm()), rel=1e-4)
            delta = (made.coefficients @ direction).double()
            controls.append(kl(plain.logs[places], by_hand(session, ids, delta=delta).logs[places]))
        assert len(controls) == 8
        assert point.kl_random == pytest.approx(sum(controls) / 8, rel=1e-2)
        assert point.kl_random_low == pytest.approx(min(controls), rel=1e-2)
        assert point.kl_random_high == pytest.approx(max(controls), rel=1e-2)


def test_many_passes_give_what_one_does(llama: Session, monkeypatch: pytest.MonkeyPatch):
    at_once = found(llama, "add", 4.0)
    monkeypatch.setattr(dose, "PASS", 64)
    monkeypatch.setattr(dose, "ROWS", 40)
    for one, other in zip(at_once.curve, found(llama, "add", 4.0).curve, strict=True):
        assert one.model_dump() == pytest.approx(other.model_dump(), rel=1e-4)


def test_default_strengths_lie_around_the_one_given(llama: Session):
    assert [p.strength for p in found(llama, "add", -4.0).curve] == [-4, -2, 2, 4, 8]
    assert [p.strength for p in found(llama, "ablate").curve] == [0.25, 0.5, 0.75, 1, 2]
    strengths = [p.strength for p in found(llama, "clamp", 0.0).curve]
    assert strengths[0] == 0
    assert strengths[2] > 0  # the largest act on the text


def test_kl_grows_with_the_dose(llama: Session):
    curve = found(llama, "add", 1.0, strengths=[0.0, 1.0, 4.0, 16.0]).curve
    values = [point.kl for point in curve]
    assert values == sorted(values)
    assert all(point.kl_random_low <= point.kl_random <= point.kl_random_high for point in curve)


def test_a_long_text_is_measured_on_its_end(llama: Session, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dose, "WINDOW", 9)
    seen: list[list[int]] = []
    whole = dose.unchanged

    def unchanged(session: Session, given: Prompt) -> Unchanged:
        seen.append(given.ids)
        return whole(session, given)

    monkeypatch.setattr(dose, "unchanged", unchanged)
    assert len(found(llama, "add", 4.0).curve) == 5
    ids = prompt(llama, TEXT).ids
    assert seen == [[ids[0], *ids[-8:]]]


def test_a_strength_that_breaks_the_model_is_refused(
    llama: Session, monkeypatch: pytest.MonkeyPatch
):
    one = Intervention(latent=busy(llama)[0], mode="add", strength=1.0)
    monkeypatch.setattr(llama.dictionary.W_dec, "data", llama.dictionary.W_dec.data * torch.nan)
    with pytest.raises(UserError, match="no numbers any more; choose a smaller strength"):
        effect(llama, TEXT, [one], strengths=[])
