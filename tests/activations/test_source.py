from itertools import count
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.activations.made import config, same, shards
from unmix.activations import live as live_module
from unmix.activations.config import SourceConfig
from unmix.activations.live import LiveSource
from unmix.activations.source import eligible, held_out
from unmix.config import validate
from unmix.errors import UserError
from unmix.models.load import LanguageModel, load_model
from unmix.models.sites import read, resolve, writing


def planted(folder: Path, token: int, scale: float) -> LanguageModel:
    """Load a model in which one token's embedding is very large."""
    loaded = load_model(str(folder), device="cpu")
    loaded.model.get_input_embeddings().weight[token] *= scale
    return loaded


def test_rows_are_what_the_model_carries(tiny_llama: Path, tiny_text: Path) -> None:
    live = LiveSource(config(tiny_llama, tiny_text, dtype="fp32"))
    assert live.sites == {"resid.0": 32, "mlp.1": 32}
    assert (live.n_shards("train"), live.n_shards("held_out")) == (3, 2)
    for split, contexts in (("train", [16, 16, 6]), ("held_out", [16, 3])):
        assert [len(live.shard(split, i).tokens) for i in range(len(contexts))] == contexts
    shard = live.shard("train", 1)
    model = live.model.model
    for name in live.sites:
        rows = read(model, {"x": resolve(model, name)}, shard.tokens)["x"]
        torch.testing.assert_close(shard.acts[name], rows.flatten(0, 1), rtol=1e-5, atol=1e-6)


def test_tokens_lead_back_to_their_documents(tiny_llama: Path, tiny_text: Path) -> None:
    live = LiveSource(config(tiny_llama, tiny_text))
    shard = live.shard("train", 2)
    tokenizer = live.model.tokenizer
    numbers = shard.documents.unique().tolist()
    for number, name in zip(numbers, live.documents(numbers), strict=True):
        text = (tiny_text / name).read_text()
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        mine = (shard.documents == number) & ~shard.special
        assert shard.tokens[mine].tolist() == [ids[o] for o in shard.offsets[mine].tolist()]
    assert shard.special[:, 0].all()
    assert (shard.tokens[:, 0] == tokenizer.bos_token_id).all()
    assert (shard.offsets[:, 0] == -1).all()
    assert live.about(numbers)[0].source == "prose"


def test_no_document_is_on_both_sides(tiny_llama: Path, tiny_text: Path) -> None:
    live = LiveSource(config(tiny_llama, tiny_text))
    train = {int(d) for i in range(3) for d in live.shard("train", i).documents.flatten()}
    held = {int(d) for shard in held_out(live) for d in shard.documents.flatten()}
    assert train
    assert held
    assert train.isdisjoint(held)


def test_shards_do_not_depend_on_the_order_they_are_asked_for(
    tiny_gpt2: Path, tiny_text: Path
) -> None:
    settings = config(tiny_gpt2, tiny_text)
    forward = shards(LiveSource(settings))
    live = LiveSource(settings)
    keys = [("train", 2), ("held_out", 1), ("train", 0), ("held_out", 0), ("train", 1)]
    found = {key: live.shard(*key) for key in keys}
    again = [found["train", i] for i in range(3)] + [found["held_out", i] for i in range(2)]
    assert all(same(a, b) for a, b in zip(forward, again, strict=True))


def test_planted_massive_tokens_are_found_and_kept_out(tiny_llama: Path, tiny_text: Path) -> None:
    settings = config(tiny_llama, tiny_text, sites=["resid.0"])
    common = LiveSource(settings).shard("train", 0).tokens.flatten().bincount()
    token = int(common[2:].argmax()) + 2
    live = LiveSource(settings, planted(tiny_llama, token, 100))
    shard = live.shard("train", 0)
    assert torch.equal(shard.massive["resid.0"], (shard.tokens == token).flatten())
    keep = eligible(shard, "resid.0")
    assert torch.equal(keep, ~((shard.tokens == token) | shard.special).flatten())
    rows = shard.acts["resid.0"][keep].double()
    moments = live.moments("resid.0")
    assert moments.tokens == len(rows)
    torch.testing.assert_close(moments.mean, rows.mean(0))
    assert moments.variance == pytest.approx(float(rows.var(0, correction=0).mean()))
    plain = ~shard.special.flatten()
    median = shard.acts["resid.0"][plain].float().norm(dim=1).median()
    assert moments.median_norm == pytest.approx(float(median))
    tame = LiveSource(settings.model_copy(update={"massive": 1e6}), live.model)
    assert not tame.shard("train", 0).massive["resid.0"].any()


def test_nan_in_the_activations_names_shard_document_and_token(
    tiny_llama: Path, tiny_text: Path
) -> None:
    live = LiveSource(config(tiny_llama, tiny_text))
    last = live.shard("train", 2)
    name = live.documents([int(last.documents[4, 9])])[0]
    passes = count()

    def spoil(x: Tensor) -> Tensor:
        if next(passes) == 5:  # four batches of shard 1, and the second of shard 2
            x[0, 9] = float("nan")
        return x

    where = rf"`mlp.1`, training shard 2, document `{name}`, token {int(last.offsets[4, 9])} "
    with writing(live.model.model, resolve(live.model.model, "mlp.1"), spoil):
        live.shard("train", 1)
        with pytest.raises(UserError, match=where + "holds NaN or infinity; run the model"):
            live.shard("train", 2)


def test_a_number_too_large_for_fp16_is_refused_and_fits_bf16(
    tiny_llama: Path, tiny_text: Path
) -> None:
    settings = config(tiny_llama, tiny_text)
    token = int(LiveSource(settings).shard("train", 0).tokens[0, 5])
    huge = planted(tiny_llama, token, 1e7)
    with pytest.raises(UserError, match=r"too large for `dtype = fp16`; set `dtype = bf16`"):
        LiveSource(settings, huge).shard("train", 0)
    wide = settings.model_copy(update={"dtype": "bf16"})
    acts = LiveSource(wide, huge).shard("train", 0).acts["resid.0"]
    assert acts.dtype == torch.bfloat16
    assert acts.isfinite().all()


def test_bos_policies(tiny_llama: Path, tiny_text: Path) -> None:
    for policy, share in (("none", 0), ("context", 1)):
        live = LiveSource(config(tiny_llama, tiny_text, bos=policy))
        firsts = live.shard("train", 0).special[:, 0]
        assert firsts.float().mean() == share
        assert live.identity["bos"] == policy


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sites": ["resid.9"]}, "there is no site `resid.9`"),
        ({"context": 200, "shard": 512}, "is more than the 128 tokens .* set `context = 128`"),
        ({"tokens": 10**6}, r"ends after \d+ training tokens and `tokens` asks for 1000000"),
        ({"held_out_tokens": 10**6}, r"ends after \d+ held-out tokens and `held_out_tokens`"),
        ({"held_out_share": 0.0001}, "held-out documents of .* do not fill one context of 16"),
    ],
)
def test_what_cannot_be_read_is_refused(
    tiny_llama: Path, tiny_text: Path, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        LiveSource(config(tiny_llama, tiny_text, **changes))


def test_a_missing_text_is_refused_before_the_model_is_loaded(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_module, "load_model", lambda *_a, **_k: pytest.fail("loaded"))
    with pytest.raises(UserError, match="there is no text"):
        LiveSource(config(tiny_llama, tmp_path / "nowhere"))


def test_the_number_a_short_text_suggests_is_one_that_works(
    tiny_llama: Path, tiny_text: Path
) -> None:
    with pytest.raises(UserError) as caught:
        LiveSource(config(tiny_llama, tiny_text, tokens=10**6))
    tokens = int(str(caught.value).partition("set `tokens = ")[2].partition("`")[0])
    live = LiveSource(config(tiny_llama, tiny_text, tokens=tokens))
    assert len(live.shard("train", live.n_shards("train") - 1).tokens) > 0
    with pytest.raises(UserError, match="ends after"):
        LiveSource(config(tiny_llama, tiny_text, tokens=tokens + 1))


def test_an_empty_text_and_one_shorter_than_a_context(tiny_llama: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(UserError, match=r"the text `.*` is empty; choose another"):
        LiveSource(config(tiny_llama, tmp_path))
    (tmp_path / "a.txt").write_text("the time")
    with pytest.raises(UserError, match="do not fill one context of 16 tokens"):
        LiveSource(config(tiny_llama, tmp_path))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"contxt": 4}, "did you mean `context`"),
        ({"weights": [1.0]}, "`weights` has 1 numbers for 2 texts"),
        ({"sites": ["resid.1", "resid.1"]}, "`sites` names one thing twice"),
        ({"shard": 10}, "`shard` = 10 is less than `context` = 256"),
    ],
)
def test_settings_that_make_no_sense(data: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        validate(SourceConfig, data, where="recipe")


def test_random_weights_are_another_source(tiny_llama: Path, tiny_text: Path) -> None:
    sources = [LiveSource(config(tiny_llama, tiny_text, random_weights=s)) for s in (None, 0, 1)]
    assert len({source.fingerprint for source in sources}) == 3
    rows: list[Tensor] = [source.shard("train", 0).acts["mlp.1"] for source in sources]
    assert not torch.equal(rows[0], rows[1])
    assert not torch.equal(rows[1], rows[2])
