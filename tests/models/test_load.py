import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoModelForCausalLM

from tests import tiny
from unmix.errors import UserError
from unmix.models import load
from unmix.models.load import load_model, wrap


def test_a_local_folder_is_loaded_as_transformers_loads_it(
    tiny_llama: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    loaded = load_model(str(tiny_llama), device="cpu")
    plain = AutoModelForCausalLM.from_pretrained(tiny_llama, dtype=torch.float32)
    for (name, a), (_, b) in zip(
        loaded.model.named_parameters(), plain.named_parameters(), strict=True
    ):
        assert torch.equal(a, b), name
        assert not a.requires_grad
    assert not loaded.model.training
    assert loaded.longest == 128
    capfd.readouterr()
    load_model(str(tiny_llama), device="cpu")
    assert capfd.readouterr() == ("", "")


def test_fingerprints_tell_weights_and_tokenizers_apart(tiny_llama: Path, tiny_gpt2: Path) -> None:
    one, again = (load_model(str(tiny_llama), device="cpu") for _ in range(2))
    other = load_model(str(tiny_gpt2), device="cpu")
    assert one.fingerprint == again.fingerprint != other.fingerprint
    assert one.tokenizer_fingerprint == other.tokenizer_fingerprint
    again.model.model.norm.weight[0] += 1
    assert load.weights_fingerprint(again.model) != one.fingerprint


def test_random_weights_are_a_function_of_the_seed(tiny_llama: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, again, other = (
        load_model(str(tiny_llama), device="cpu", random_seed=seed) for seed in (1, 1, 2)
    )
    assert torch.equal(torch.rand(1), expected)  # the caller's chance is left alone
    trained = load_model(str(tiny_llama), device="cpu")
    assert one.fingerprint == again.fingerprint
    assert len({one.fingerprint, other.fingerprint, trained.fingerprint}) == 3
    shapes = [[p.shape for p in m.model.parameters()] for m in (one, trained)]
    assert shapes[0] == shapes[1]
    assert one.model.model.layers[0].mlp.up_proj.weight.std() == pytest.approx(0.02, rel=0.1)


def test_any_module_can_be_wrapped() -> None:
    model = nn.Sequential(nn.Embedding(320, 8), nn.Dropout())
    wrapped = wrap(model, tiny.tokenizer(), name="mine")
    assert (wrapped.name, wrapped.longest, wrapped.device.type) == ("mine", None, "cpu")
    assert not model.training


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("./not-there", "there is no model `./not-there`"),
        ("tiny.gguf", "there is no model `tiny.gguf`"),
        ("smolm2-135m", "did you mean `smollm2-135m`"),
        ("nobody/nothing-at-all", "cannot load the model `nobody/nothing-at-all`"),
    ],
)
def test_a_model_that_is_not_there(name: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        load_model(name, device="cpu")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_model_and_one_with_a_broken_model(
    tiny_llama: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"holds no model: it has no `config.json`"):
        load_model(str(tmp_path), device="cpu")
    with pytest.raises(UserError, match="has no meaning for the local model"):
        load_model(str(tiny_llama), device="cpu", revision="main")
    broken = tmp_path / "broken"
    shutil.copytree(tiny_llama, broken)
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UserError, match="cannot load the model"):
        load_model(str(broken), device="cpu")
    tensors = load_file(tiny_llama / "model.safetensors")
    del tensors["model.norm.weight"]
    save_file(tensors, weights, {"format": "pt"})
    with pytest.raises(UserError, match=r"lacks the weight `model.norm.weight`"):
        load_model(str(broken), device="cpu")


def test_a_model_that_does_not_fit_is_refused_before_it_is_read(
    tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "free_memory", lambda _device: 1000)
    with pytest.raises(
        UserError, match=r"take 1\d\d KiB in torch.float32 and `cpu` has 1000 bytes"
    ):
        load_model(str(tiny_llama), device="cpu")


def test_an_unknown_device_is_refused(tiny_llama: Path) -> None:
    for device in ("cuda:99", "toaster"):
        with pytest.raises(UserError, match=f"there is no device `{device}`"):
            load_model(str(tiny_llama), device=device)


def test_a_gguf_file_is_converted_once_and_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNMIX_CACHE", str(tmp_path / "cache"))
    file = _gguf(tmp_path / "made" / "tiny.gguf")
    loaded = load_model(str(file), device="cpu")
    assert capfd.readouterr() == ("", "")
    monkeypatch.setattr(
        AutoModelForCausalLM, "from_config", lambda *_a, **_k: pytest.fail("made again")
    )
    monkeypatch.setattr(load, "_fits", lambda *_a: None)
    again = load_model(str(file), device="cpu")
    assert loaded.fingerprint == again.fingerprint
    weight = loaded.model.model.layers[1].mlp.down_proj.weight
    assert torch.equal(weight, torch.arange(weight.numel()).view_as(weight) / 1000)
    text = "the time of two, " * 3
    assert loaded.tokenizer.decode(loaded.tokenizer([text])["input_ids"][0]).endswith(text)


def test_a_truncated_gguf_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNMIX_CACHE", str(tmp_path / "cache"))
    whole = _gguf(tmp_path / "made" / "tiny.gguf").read_bytes()
    for length in (20, 200, 9000, len(whole) // 2, len(whole) - 100):
        file = tmp_path / f"cut-{length}.gguf"
        file.write_bytes(whole[:length])
        with pytest.raises(UserError, match="cannot load the model"):
            load_model(str(file), device="cpu")
    assert not list((tmp_path / "cache").rglob("*.safetensors"))


def _gguf(path: Path) -> Path:
    """Write a tiny Llama as a GGUF file, its weights counting up."""
    import gguf
    import numpy as np

    path.parent.mkdir(parents=True)
    writer = gguf.GGUFWriter(path, "llama")
    width, inner, heads, layers = 32, 64, 4, 2
    writer.add_context_length(128)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    made = tiny.tokenizer()
    vocabulary = made.get_vocab()
    writer.add_vocab_size(len(vocabulary))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(sorted(vocabulary, key=vocabulary.__getitem__))
    merges = json.loads(made.backend_tokenizer.to_str())["model"]["merges"]
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    shapes = {"token_embd": (len(vocabulary), width), "output_norm": (width,)}
    shapes["output"] = (len(vocabulary), width)
    for layer in range(layers):
        inside = {f"attn_{part}": (width, width) for part in ("q", "k", "v", "output")}
        inside |= {"ffn_gate": (inner, width), "ffn_up": (inner, width), "ffn_down": (width, inner)}
        inside |= {"attn_norm": (width,), "ffn_norm": (width,)}
        shapes |= {f"blk.{layer}.{part}": shape for part, shape in inside.items()}
    for name, shape in shapes.items():
        values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) / 1000
        writer.add_tensor(f"{name}.weight", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
