"""A text as model and dictionary read it, against a plain dense computation in float64."""

import pytest
import torch

from tests.explorer.live.made import TEXT, by_hand, dense_acts, keep_of
from unmix.errors import UserError
from unmix.explorer.live.prompt import prompt, readable
from unmix.explorer.live.reading import read
from unmix.explorer.live.session import Session


def test_every_number_is_that_of_a_plain_run(session: Session):
    reading = read(session, TEXT)
    ids = [token.token for token in reading.tokens]
    plain = by_hand(session, ids)
    keep = keep_of(session, ids, plain)
    assert [token.is_measured for token in reading.tokens] == keep.tolist()
    assert not keep[0]
    assert keep.sum() > 5
    acts, d = dense_acts(session, plain.x), session.dictionary
    base = d.b_dec.double()
    rebuilt = acts @ d.W_dec.double() + base
    miss = (plain.y - rebuilt).norm(dim=1)
    spread = (plain.y - session.mean).norm(dim=1)
    for t, token in enumerate(reading.tokens):
        assert token.norm == pytest.approx(float(plain.y[t].norm()), rel=1e-4)
        assert token.error == pytest.approx(float(miss[t] / spread[t]), rel=1e-3)
        assert token.explained == pytest.approx(1 - float(miss[t] / spread[t]) ** 2, abs=2e-3)
        if keep[t]:
            fired = {one.latent: one for one in token.fired}
            assert set(fired) == set(acts[t].nonzero().flatten().tolist())
            sizes = [abs(one.act) for one in token.fired]
            assert sizes == sorted(sizes, reverse=True)
            r = rebuilt[t] - base
            for j, one in fired.items():
                assert one.act == pytest.approx(float(acts[t, j]), rel=1e-3)
                share = acts[t, j] * (d.W_dec[j].double() @ r) / r.square().sum()
                assert one.share == pytest.approx(float(share), abs=1e-3)
        else:
            assert token.fired == []
    whole = 1 - miss[keep].square().sum() / spread[keep].square().sum()
    assert reading.explained == pytest.approx(float(whole), abs=1e-4)

    put = torch.where(keep[:, None], rebuilt, plain.y)
    spliced = by_hand(session, ids, put=put)
    special = [i in session.model.tokenizer.all_special_ids for i in ids]
    for t, token in enumerate(reading.tokens):
        if t == 0 or special[t]:
            assert token.loss is None
            assert token.loss_spliced is None
        else:
            assert token.loss == pytest.approx(-float(plain.logs[t - 1, ids[t]]), abs=1e-3)
            here = -float(spliced.logs[t - 1, ids[t]])
            assert token.loss_spliced == pytest.approx(here, abs=1e-3)
    losses = [token.loss for token in reading.tokens if token.loss is not None]
    assert reading.loss == pytest.approx(sum(losses) / len(losses))


def test_the_strongest_are_the_peaks(llama: Session):
    reading = read(llama, TEXT)
    ids = [token.token for token in reading.tokens]
    plain = by_hand(llama, ids)
    acts = dense_acts(llama, plain.x) * keep_of(llama, ids, plain)[:, None]
    peak = acts.amax(0)
    assert {one.latent for one in reading.strongest} == set(peak.nonzero().flatten().tolist())
    found = [one.act for one in reading.strongest]
    assert found == sorted(found, reverse=True)
    for one in reading.strongest:
        assert one.act == pytest.approx(float(peak[one.latent]), rel=1e-3)
        place = int(acts[:, one.latent].argmax())
        (same,) = [f for f in reading.tokens[place].fired if f.latent == one.latent]
        assert same == one


def test_the_direct_effect_is_on_the_token_that_follows(llama: Session):
    reading = read(llama, TEXT)
    head = llama.model.model.get_output_embeddings().weight
    centred = head - head[: len(llama.model.tokenizer)].mean(0)
    for t, token in enumerate(reading.tokens):
        for one in token.fired:
            if t + 1 == len(reading.tokens):
                assert one.logit is None
            else:
                to = centred[reading.tokens[t + 1].token]
                expected = one.act * float(llama.dictionary.W_dec[one.latent] @ to)
                assert one.logit == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_a_transcoder_has_no_direct_effect(transcoder: Session):
    reading = read(transcoder, TEXT)
    assert {one.logit for token in reading.tokens for one in token.fired} == {None}


def test_shares_of_a_token_sum_to_one(llama: Session):
    for token in read(llama, TEXT).tokens:
        if token.fired:
            assert sum(one.share for one in token.fired) == pytest.approx(1, abs=1e-4)


def test_a_character_of_several_tokens_stands_at_the_first(llama: Session):
    ids = prompt(llama, "a → b").ids[1:]
    shown = readable(llama.model.tokenizer, ids)
    assert "".join(shown).replace("·", "") == "a → b"
    assert len(shown) == len(ids) > 5


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "nul \0 nul",
        "\u202eright to left\u202c \u2066",
        "🙂👩‍👩‍👧 \U000e0041",
        "a\r\n\t\x1b[31m",
        "</s><s></s>the cat",
    ],
)
def test_hostile_texts_are_only_text(llama: Session, text: str):
    shown = "".join(token.text for token in read(llama, text).tokens)
    assert all(character.isprintable() for character in shown)


def test_what_cannot_be_read_is_refused(llama: Session):
    with pytest.raises(UserError, match="no tokens"):
        read(llama, "")
    with pytest.raises(UserError, match="no token of the text is measured"):
        read(llama, "</s></s>")
    with pytest.raises(UserError, match=r"has 1\d\d tokens and the limit is 128"):
        read(llama, "the cat " * 60)
