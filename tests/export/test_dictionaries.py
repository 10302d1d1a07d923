"""Dictionaries in the formats of other libraries, read by their documented formulas."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.dictionaries.made import D, make
from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.files import card_of
from unmix.errors import UserError
from unmix.export import dictionary_learning, saelens, sparsify
from unmix.export.dictionaries import write_dictionary

KINDS = ("relu", "topk", "batch-topk", "abs-topk", "jumprelu", "gated")
X = torch.randn(64, D, generator=torch.Generator().manual_seed(3))


def made(kind: str, **more: object) -> Dictionary:
    """Return a dictionary of a kind, ready for use."""
    dictionary = make(kind, **more).float().eval().requires_grad_(False)
    if kind == "batch-topk":
        dictionary.sparsity.threshold.fill_(0.7)
    return dictionary


def expected(dictionary: Dictionary) -> tuple[Tensor, Tensor]:
    """Return what the dictionary makes of `X`: acts, and what they rebuild."""
    code = dictionary.encode(X)
    return code.dense(), dictionary.decode(code, X)


def keep(pre: Tensor, k: int, *, by_size: bool = False) -> Tensor:
    """Zero all but the `k` largest of each row."""
    latents = (pre.abs() if by_size else pre).topk(k, dim=-1).indices
    return torch.zeros_like(pre).scatter(-1, latents, pre.gather(-1, latents))


def by_saelens(folder: Path) -> tuple[Tensor, Tensor]:
    """Use a dictionary as SAELens' documentation says."""
    config = json.loads((folder / "cfg.json").read_text())
    t = load_file(folder / "sae_weights.safetensors")
    inside = X - t["b_dec"] if config["apply_b_dec_to_input"] else X
    kind = config["architecture"].removesuffix("transcoder").removesuffix("skip_").rstrip("_")
    if kind == "gated":
        u = inside @ t["W_enc"]
        z = (u + t["b_gate"] > 0) * (u * t["r_mag"].exp() + t["b_mag"]).relu()
    else:
        pre = inside @ t["W_enc"] + t["b_enc"]
        z = {
            "standard": lambda: pre.relu(),
            "": lambda: pre.relu(),
            "topk": lambda: keep(pre, config["k"]).relu(),
            "abstopk": lambda: keep(pre, config["k"], by_size=True),
            "jumprelu": lambda: pre.relu() * (pre > t["threshold"]),
        }[kind]()
    rebuilt = z @ t["W_dec"] + t["b_dec"]
    return z, rebuilt + X @ t["W_skip"].T if "W_skip" in t else rebuilt


def by_sparsify(folder: Path) -> tuple[Tensor, Tensor]:
    """Use a dictionary as sparsify's documentation says."""
    config = json.loads((folder / "cfg.json").read_text())
    t = load_file(folder / "sae.safetensors")
    inside = X if config["transcode"] else X - t["b_dec"]
    pre = (inside @ t["encoder.weight"].T + t["encoder.bias"]).relu()
    z = keep(pre, config["k"])
    rebuilt = z @ t["W_dec"] + t["b_dec"]
    return z, rebuilt + X @ t["W_skip"].T if config["skip_connection"] else rebuilt


def by_dictionary_learning(folder: Path) -> tuple[Tensor, Tensor]:
    """Use a dictionary as dictionary_learning's documentation says."""
    trainer = json.loads((folder / "config.json").read_text())["trainer"]
    t = torch.load(folder / "ae.pt", weights_only=True)
    name = trainer["dict_class"]
    if name == "JumpReluAutoEncoder":
        pre = X @ t["W_enc"] + t["b_enc"]
        z = pre.relu() * (pre > t["threshold"])
        return z, z @ t["W_dec"] + t["b_dec"]
    bias = t[{"AutoEncoder": "bias", "GatedAutoEncoder": "decoder_bias"}.get(name, "b_dec")]
    u = (X - bias) @ t["encoder.weight"].T
    if name == "GatedAutoEncoder":
        z = (u + t["gate_bias"] > 0) * (u * t["r_mag"].exp() + t["mag_bias"]).relu()
    else:
        pre = (u + t["encoder.bias"]).relu()
        z = {
            "AutoEncoder": lambda: pre,
            "AutoEncoderTopK": lambda: keep(pre, trainer["k"]),
            "BatchTopKSAE": lambda: pre * (pre > t["threshold"]),
        }[name]()
    return z, z @ t["decoder.weight"].T + bias


def same(found: tuple[Tensor, Tensor], dictionary: Dictionary) -> None:
    """Compare acts and what is rebuilt with the dictionary's own."""
    for one, other in zip(found, expected(dictionary), strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-4)
    fires = [acts != 0 for acts in (found[0], expected(dictionary)[0])]
    assert torch.equal(*fires)


@pytest.mark.parametrize("kind", KINDS)
def test_saelens_reads_the_same_acts(kind: str, tmp_path: Path):
    dictionary = made(kind)
    saelens.write(dictionary, tmp_path / "out", card=card_of(dictionary, site="resid.3"))
    same(by_saelens(tmp_path / "out"), dictionary)
    metadata = json.loads((tmp_path / "out" / "cfg.json").read_text())["metadata"]
    assert metadata["hook_name"] == "blocks.3.hook_resid_post"
    assert metadata["sae_lens_version"].startswith("6.")


@pytest.mark.parametrize("kind", ["relu", "batch-topk", "jumprelu"])
@pytest.mark.parametrize("more", [{"d_out": 5}, {"d_out": 5, "skip": True}])
def test_saelens_reads_transcoders(kind: str, more: dict[str, object], tmp_path: Path):
    dictionary = made(kind, **more)
    saelens.write(dictionary, tmp_path, card=card_of(dictionary, target="mlp.4"))
    config = json.loads((tmp_path / "cfg.json").read_text())
    assert config["d_out"] == 5
    assert config["metadata"]["hook_name_out"] == "blocks.4.hook_mlp_out"
    same(by_saelens(tmp_path), dictionary)


@pytest.mark.parametrize("more", [{}, {"d_out": D}, {"d_out": D, "skip": True}])
def test_sparsify_reads_the_same_acts(more: dict[str, object], tmp_path: Path):
    dictionary = made("topk", **more)
    sparsify.write(dictionary, tmp_path, card=card_of(dictionary))
    same(by_sparsify(tmp_path), dictionary)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "abs-topk"])
def test_dictionary_learning_reads_the_same_acts(kind: str, tmp_path: Path):
    dictionary = made(kind)
    dictionary_learning.write(dictionary, tmp_path, card=card_of(dictionary))
    same(by_dictionary_learning(tmp_path), dictionary)


@pytest.mark.parametrize(
    ("write", "dictionary", "sentence"),
    [
        (saelens.write, made("topk", d_out=5), "SAELens has no form for a `topk` transcoder"),
        (sparsify.write, made("relu"), "sparsify has no form for a `relu` dictionary, only for"),
        (sparsify.write, made("topk", d_out=5), "sparsify rebuilds the width it reads"),
        (dictionary_learning.write, made("abs-topk"), "no form for a `abs-topk` dictionary"),
        (dictionary_learning.write, made("relu", d_out=5), "no form for a `relu` transcoder;"),
    ],
)
def test_what_a_library_cannot_hold_is_refused(
    write: object, dictionary: Dictionary, sentence: str, tmp_path: Path
):
    assert callable(write)
    with pytest.raises(UserError, match=sentence):
        write(dictionary, tmp_path / "out", card=card_of(dictionary))
    assert not (tmp_path / "out").exists()


def test_a_run_is_exported_once_to_a_folder(run: Path, tmp_path: Path):
    write_dictionary(run, tmp_path / "out", library="saelens")
    assert json.loads((tmp_path / "out" / "cfg.json").read_text())["d_sae"] == 101
    with pytest.raises(UserError, match="is there already"):
        write_dictionary(run, tmp_path / "out", library="saelens")
    with pytest.raises(UserError, match="no dictionary `x`; there are"):
        write_dictionary(run, tmp_path / "other", library="saelens", dictionary="x")
