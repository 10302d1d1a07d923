"""Splicing on a tiny Llama of random weights, against a plain run without any shortcut."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, LlamaForCausalLM

from tests.evaluation.made import dictionary, llama
from unmix.evaluation import candidates, logits, splicing
from unmix.evaluation.candidates import Candidate, Rebuilt, from_dictionary
from unmix.evaluation.heldout import Contexts
from unmix.evaluation.score import score
from unmix.evaluation.shortcut import Cut, find_cut
from unmix.evaluation.splicing import ORIGINAL, SPLICING, Spliced, columns_of, scored, splice
from unmix.models.sites import resolve, writing

SITES = ["resid.0", "resid.1", "resid.2", "mlp.1", "attn.2", "heads.1", "mlp_in.1", "mlp.0"]


def contexts(model: torch.nn.Module) -> Contexts:
    tokens = torch.randint(2, 320, (5, 12), generator=torch.Generator().manual_seed(0))
    for c in range(1, 11, 2):  # half of the tokens are what the model itself expects
        tokens[:, c + 1] = model(tokens[:, : c + 1]).logits[:, -1, 2:].argmax(-1) + 2
    documents = (torch.arange(60) // 9).view(5, 12)
    special = torch.zeros(5, 12, dtype=torch.bool)
    special[:, 0] = True
    special[2, 6] = True
    excluded = special.clone()
    excluded[1, 4] = True
    return Contexts(tokens, documents, special, excluded)


def copy(site: str, target: str, name: str = "copy") -> Candidate:
    return Candidate(
        name=name,
        role="linear",
        about="",
        site=site,
        target=target,
        rebuild=lambda x: Rebuilt(x.clone(), None),
    )


def ablations(site: str, width: int) -> list[Candidate]:
    mean = torch.linspace(-1, 1, width)
    return [candidates.mean(site, site, mean=mean), candidates.zero(site, site, width=width)]


def spliced(model: torch.nn.Module, every: list[Candidate], given: Contexts) -> Spliced:
    names = {every[0].site, every[0].target}
    sites = {name: resolve(model, name) for name in names}
    return splice(model, every, sites=sites, contexts=given)


def values(found: Spliced, name: str) -> dict[str, float | None]:
    columns = columns_of(name)
    made = score(SPLICING, found.sums, n=found.n, seconds=0.0, columns=columns, resamples=20)
    return {one.name: one.value for one in made}


@pytest.mark.parametrize("site", SITES)
def test_a_copy_loses_nothing_and_the_ablations_all(site: str):
    model = llama()
    found = spliced(model, [copy(site, site), *ablations(site, 32)], contexts(model))
    same = values(found, "copy")
    assert same["CE increase"] == same["KL"] == 0
    for metric in ("CE score, zero", "CE score, mean", "KL score, zero", "KL score, mean"):
        assert same[metric] == 1
    zero, mean = values(found, "zero"), values(found, "mean")
    assert zero["CE score, zero"] == zero["KL score, zero"] == 0
    assert mean["CE score, mean"] == mean["KL score, mean"] == 0
    assert (zero["KL"] or 0) > 0


@pytest.mark.parametrize("site", SITES)
def test_equals_a_plain_run_in_float64(site: str):
    model = llama().double()
    given = contexts(model)
    found = dictionary(32, 40)
    candidate = from_dictionary("d", found, site=site, target=site)
    result = spliced(model, [candidate, *ablations(site, 32)], given)

    keep = ~given.excluded

    def put(x: Tensor) -> Tensor:
        rebuilt = found(x[keep].float()).double()
        return x.index_put((keep,), rebuilt)

    with torch.no_grad():
        original = model(given.tokens).logits.log_softmax(-1)
        with writing(model, resolve(model, site), put):
            changed = model(given.tokens).logits.log_softmax(-1)
    ce, kl, n = 0.0, 0.0, 0
    for s in range(5):
        for c in range(11):
            other = given.documents[s, c + 1] != given.documents[s, c]
            if other or given.special[s, c + 1]:
                continue
            p, q = original[s, c], changed[s, c]
            ce -= float(q[given.tokens[s, c + 1]])
            kl += float((p.exp() * (p - q)).sum())
            n += 1
    assert result.n == n
    assert values(result, "d")["CE"] == pytest.approx(ce / n, rel=1e-5)
    assert values(result, "d")["KL"] == pytest.approx(kl / n, rel=1e-4)


@pytest.mark.parametrize("site", SITES)
def test_the_shortcut_is_taken_where_it_can_be_and_changes_nothing(
    site: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(splicing, "LOGITS", 2 * 12 * 320)  # several batches
    model = llama()
    every = [from_dictionary("d", dictionary(32, 40), site=site, target=site)]
    every += ablations(site, 32)
    fast = spliced(model, every, contexts(model))
    monkeypatch.setattr(splicing, "find_cut", lambda *_: None)
    plain = spliced(model, every, contexts(model))
    assert fast.is_shortcut == (site != "mlp.0")
    assert not plain.is_shortcut
    assert torch.equal(fast.sums.sums, plain.sums.sums)
    assert not any("forward" in vars(module) for module in model.modules())


def test_a_model_that_looks_past_the_cut_is_run_plainly():
    """A block above that also reads the embeddings of block 0 would get another tensor."""
    model = llama()
    seen: list[Tensor] = []
    model.model.layers[0].register_forward_hook(lambda _m, _a, out: seen.append(out))
    model.model.layers[2].register_forward_hook(lambda _m, _a, out: out + seen[-1])
    every = [copy("resid.1", "resid.1"), *ablations("resid.1", 32)]
    found = spliced(model, every, contexts(model))
    assert not found.is_shortcut
    assert values(found, "copy")["KL"] == 0


def test_a_family_whose_blocks_are_called_otherwise():
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=320, n_embd=32, n_layer=3, n_head=4, n_positions=64, initializer_range=0.2
    )
    model = GPT2LMHeadModel(config).eval().requires_grad_(False)
    for site in ("resid.1", "mlp.1"):
        found = spliced(model, [copy(site, site), *ablations(site, 32)], contexts(model))
        assert found.is_shortcut
        assert values(found, "copy")["CE score, zero"] == 1


def test_a_transcoder_writes_its_target_from_its_site():
    model = llama()
    inner = llama().model.layers[1].mlp  # of a second one, without hooks

    def rebuild(x: Tensor) -> Rebuilt:
        return Rebuilt(inner(x), None)

    exact = Candidate(
        name="exact", role="linear", about="", site="mlp_in.1", target="mlp.1", rebuild=rebuild
    )
    width = {"site": "mlp_in.1", "target": "mlp.1"}
    mean = candidates.mean(**width, mean=torch.zeros(32))
    zero = candidates.zero(**width, width=32)
    found = spliced(model, [exact, mean, zero], contexts(model))
    assert values(found, "exact")["CE score, zero"] == pytest.approx(1, abs=1e-5)
    assert values(found, "exact")["KL"] == pytest.approx(0, abs=1e-6)


def test_excluded_tokens_pass_through_unchanged():
    """A candidate that ruins everything ruins nothing where everything is excluded."""
    model = llama()
    given = contexts(model)
    ruin = Candidate(
        name="ruin",
        role="linear",
        about="",
        site="resid.1",
        target="resid.1",
        rebuild=lambda x: Rebuilt(1000 * torch.ones_like(x), None),
    )
    all_excluded = given._replace(excluded=torch.ones_like(given.excluded))
    every = [ruin, *ablations("resid.1", 32)]
    assert values(spliced(model, every, all_excluded), "ruin")["KL"] == 0
    assert (values(spliced(model, every, given), "ruin")["KL"] or 0) > 0


def test_only_rows_that_are_not_excluded_are_rebuilt():
    rows: list[int] = []

    def rebuild(x: Tensor) -> Rebuilt:
        rows.append(len(x))
        return Rebuilt(x, None)

    candidate = replace(copy("resid.1", "resid.1"), rebuild=rebuild)
    model = llama()
    given = contexts(model)
    spliced(model, [candidate, *ablations("resid.1", 32)], given)
    assert sum(rows) == int((~given.excluded).sum())


@pytest.mark.parametrize(
    ("modules", "cut"),
    [
        ([("model.layers.2", True)], Cut("model.layers", 2)),
        ([("model.layers.2", False)], Cut("model.layers", 1)),
        ([("model.layers.2.mlp", True), ("model.layers.1.mlp", False)], Cut("model.layers", 0)),
        ([("model.layers.0.mlp", True)], None),
        ([("model.embed_tokens", True)], None),
        ([("model.layers.2", True), ("model.norm", True)], None),
    ],
)
def test_the_cut_is_below_all_that_changes(modules: list[tuple[str, bool]], cut: Cut | None):
    assert find_cut(llama(), modules) == cut


def test_the_original_is_its_own_row():
    model = llama()
    every = [copy("resid.1", "resid.1"), *ablations("resid.1", 32)]
    found = spliced(model, every, contexts(model))
    assert values(found, ORIGINAL)["CE increase"] == 0
    assert values(found, ORIGINAL)["CE score, mean"] == 1


def test_an_ablation_that_does_no_harm_gives_no_score():
    """Where the mean is as good as the original, a share of the harm means nothing."""
    model = llama()
    site = {"site": "resid.1", "target": "resid.1"}
    harmless = replace(copy("resid.1", "resid.1"), name="mean")
    zero = candidates.zero(**site, width=32)
    found = spliced(model, [harmless, zero], contexts(model))
    assert values(found, "zero")["CE score, mean"] is None
    assert values(found, "zero")["KL score, mean"] is None


class Capped(LlamaForCausalLM):
    """A Llama that does more to its logits than its head does, as Gemma does."""

    def forward(self, **given: object) -> object:
        found = super().forward(**given)
        found.logits = 3 * torch.tanh(found.logits / 3)
        return found


def test_a_model_is_run_up_to_its_head_only_where_nothing_follows_it(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(logits, "HEAD_ROWS", 7)
    monkeypatch.setattr(logits, "ROWS", 3)
    plain, site = llama(), "resid.1"
    capped = Capped(plain.config).eval().requires_grad_(False)
    capped.load_state_dict(plain.state_dict())
    every = [from_dictionary("d", dictionary(32, 40), site=site, target=site)]
    every += ablations(site, 32)
    for model, is_last in ((plain, True), (capped, False)):
        given = contexts(plain)
        head = logits.Head(model, given.tokens[:1])
        assert (head.module is not None) == is_last
        assert logits.Head(model, given.tokens[:1], apart=["lm_head"]).module is None
        counted = scored(given)
        whole = model(input_ids=given.tokens).logits[:, :-1][counted].log_softmax(-1)
        with torch.no_grad():
            made = torch.cat([*head.log_probabilities(head.rows(model, given.tokens, counted))])
        torch.testing.assert_close(made, whole, rtol=1e-4, atol=1e-4)
        found = values(spliced(model, every, given), "d")
        monkeypatch.setattr(logits, "_is_last", lambda *_: False)
        for name, value in values(spliced(model, every, given), "d").items():
            assert found[name] == pytest.approx(value, rel=1e-4)
        monkeypatch.undo()
