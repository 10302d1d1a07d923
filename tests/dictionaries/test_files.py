"""Dictionaries on disk, and what is folded into them."""

import json
from pathlib import Path

import pytest
import torch

from tests.dictionaries.made import D, M, N, make
from unmix.dictionaries.files import card_of, load, read_card, save
from unmix.dictionaries.scaling import Scaling, fold, identity, unit_rows
from unmix.dictionaries.sparsity import KINDS
from unmix.errors import UserError


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("more", [{}, {"d_out": 5, "skip": True}], ids=str)
def test_round_trip_is_bit_equal(kind: str, more: dict[str, object], tmp_path: Path):
    before = make(kind, **more).float().eval()
    save(before, tmp_path / "d", card_of(before, site="resid.1", model="a model"))
    after = load(tmp_path / "d")
    assert read_card(tmp_path / "d").site == "resid.1"
    for name, tensor in before.state_dict().items():
        assert torch.equal(tensor, after.state_dict()[name]), name
    x = torch.randn(N, D)
    assert torch.equal(before(x), after(x))
    assert torch.equal(before.encode(x).dense(), after.encode(x).dense())


def test_same_site_biases_stay_one_tensor(tmp_path: Path):
    before = make("topk").float()
    save(before, tmp_path, card_of(before))
    after = load(tmp_path)
    assert after.b_dec is after.b_pre


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("more", [{}, {"d_out": 5, "skip": True}], ids=str)
def test_folding_keeps_every_reconstruction(kind: str, more: dict[str, object]):
    d = make(kind, **more)
    if kind in ("topk", "abs-topk", "batch-topk"):
        unit_rows(d)
    draw = torch.Generator().manual_seed(3)
    given = Scaling(torch.randn(D, dtype=torch.float64, generator=draw), 3.0)
    target = Scaling(torch.randn(5, dtype=torch.float64, generator=draw), 0.5) if more else given
    raw = torch.randn(N, D, dtype=torch.float64, generator=draw) * 3
    if kind == "batch-topk":
        d.read(given.apply(raw))  # remembers a threshold, which is one of the values:
        d.sparsity.threshold.mul_(0.999)  # keep rounding from deciding
    d.eval()
    expected = target.undo(d(given.apply(raw)))
    folded = fold(d, given, target=target if more else None)
    torch.testing.assert_close(folded(raw), expected)
    torch.testing.assert_close(folded.W_dec.norm(dim=1), torch.ones(M, dtype=torch.float64))
    inner, outer = d.encode(given.apply(raw)), folded.encode(raw)
    assert torch.equal(inner.latents, outer.latents)


def test_unequal_norms_cannot_be_folded_into_topk():
    with pytest.raises(UserError, match="unit rows"):
        fold(make("topk"), identity(D))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema_number": 2}, "schema 2"),
        ({"surprise": 1}, "no setting `surprise`"),
        ({"kind": "magic"}, "no kind `magic`"),
        ({"sparsity": {"q": 1}}, "wrong"),
        ({"n_latents": M + 1}, "shape"),
        ({"transcoder": True}, "does not match its card"),
    ],
    ids=str,
)
def test_what_is_not_understood_is_refused(change: dict, words: str, tmp_path: Path):
    d = make("topk").float()
    save(d, tmp_path, card_of(d))
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=words):
        load(tmp_path)


def test_a_damaged_file_is_named(tmp_path: Path):
    d = make("topk").float()
    save(d, tmp_path, card_of(d))
    path = tmp_path / "dictionary.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"dictionary\.safetensors.*damaged"):
        load(tmp_path)
    with pytest.raises(UserError, match="does not exist"):
        load(tmp_path / "nowhere")
