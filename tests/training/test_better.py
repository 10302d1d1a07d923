"""A budget that falls, a second look, inner dictionaries apart, Multi-TopK."""

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from tests.dictionaries.made import D, M, N, make
from unmix.dictionaries.files import card_of, load, save
from unmix.dictionaries.scaling import Scaling, fold, identity
from unmix.dictionaries.sparsity import BatchTopK, TopK
from unmix.errors import UserError
from unmix.export.parts import parts
from unmix.training import objectives
from unmix.training.config import DictionaryConfig
from unmix.training.learner import Learner, Length
from unmix.worlds.named import world

REFINE = 0.3
ENDS = (5, 20, M)


def x64() -> torch.Tensor:
    """Return some activations."""
    return torch.randn(N, D, dtype=torch.float64, generator=torch.Generator().manual_seed(5))


def learner_of(**settings: object) -> Learner:
    """Return a learner of a small world at its beginning."""
    config = DictionaryConfig.model_validate({"latents": 40, "k": 4, "lr": 1e-2, **settings})
    return Learner(config, identity(20), target=None, length=Length(50, 128, 0.05, 0.2))


def taught(learner: Learner, steps: int) -> Learner:
    """Let it take some steps."""
    there = world("flat", n_features=32, width=20, active=3)
    for number in range(1, steps + 1):
        x = there.sample(128, number=number).x
        learner.step(x, x, number)
    return learner


@pytest.mark.parametrize("kind", ["topk", "batch-topk"])
def test_a_second_look_equals_dense_products(kind: str):
    d, x = make(kind, refine=REFINE).train(), x64()
    centred = x - d.b_pre
    first = make(kind).train()
    first.load_state_dict({k: v for k, v in d.state_dict().items() if not k.startswith("first")})
    left = centred - first.encode(x).dense().detach() @ d.W_dec.detach()
    dense = (centred + REFINE * left) @ d.W_enc.T + d.b_enc
    got = d.encode(x)
    wanted = dense[got.tokens, got.latents].relu()
    torch.testing.assert_close(got.values, wanted)
    names = ("W_enc", "b_enc", "b_pre")
    weights = torch.randn(len(wanted), dtype=torch.float64)
    # `left` is written with `centred`, whose share of `b_pre` the dense form then has, too.
    expected = torch.autograd.grad((wanted * weights).sum(), [getattr(d, n) for n in names])
    (got.values * weights).sum().backward()
    for name, gradient in zip(names, expected, strict=True):
        torch.testing.assert_close(getattr(d, name).grad, gradient)


def test_a_second_look_survives_folding_and_the_disk(tmp_path: Path):
    learner = taught(learner_of(refine=REFINE, k_first=8), 20)
    d = learner.dictionary.eval()
    assert isinstance(d.first, BatchTopK)
    assert isinstance(d.sparsity, BatchTopK)
    assert 0 < float(d.first.threshold) != float(d.sparsity.threshold)
    x = world("flat", n_features=32, width=20, active=3).sample(64, number=99).x
    given = Scaling(torch.randn(20), 2.5)
    folded = fold(d, given)
    with torch.no_grad():
        torch.testing.assert_close(folded(given.undo(x)), given.undo(d(x)), atol=1e-4, rtol=1e-4)
    save(folded, tmp_path, card_of(folded))
    back = load(tmp_path)
    assert back.refine == REFINE
    assert torch.equal(back(x), folded.eval()(x))


def test_a_second_look_needs_one_site():
    with pytest.raises(UserError, match="`refine` needs input and target at one site"):
        make("topk", d_out=5, refine=REFINE)


def test_a_second_look_has_no_form_elsewhere():
    with pytest.raises(UserError, match="other libraries have no form"):
        parts(make("topk", refine=REFINE))


@pytest.mark.parametrize("kind", ["topk", "batch-topk"])
def test_the_budget_falls_in_a_line(kind: str):
    learner = learner_of(kind=kind, k_first=12, refine=REFINE)
    seen: list[float] = []
    for number in range(1, 51):
        x = torch.randn(128, 20, generator=torch.Generator().manual_seed(number))
        learner.step(x, x, number)
        both = learner.dictionary.sparsity, learner.dictionary.first
        first, second = (one.k for one in both if isinstance(one, TopK | BatchTopK))
        assert first == second
        seen.append(first)
    assert (seen[0], seen[-1]) == (12, 4)
    assert seen == sorted(seen, reverse=True)
    if kind == "batch-topk":
        assert seen[24] == pytest.approx(4 + 8 * 25 / 49)


def test_inner_dictionaries_apart_equal_detached_prefixes():
    looks = []
    for _ in range(2):
        d, x = make("topk"), x64()
        how = {"prefixes": ENDS[:2], "prefix_weight": 0.25, "prefix_apart": True}
        looks.append(objectives.look_at(d, x, x, **how))
    sparse, dense = looks
    sparse.reconstruction.backward()
    acts, d = dense.code.dense(), dense.dictionary
    begins, inner, before = (0, *ENDS), 0.0, d.b_dec.expand(N, -1)
    for q, (a, b) in enumerate(zip(begins, ENDS, strict=False)):
        before = (before.detach() if q else before) + acts[:, a:b] @ d.W_dec[a:b]
        inner = inner + 0.25 * (dense.x - before).square().sum(1).mean() * (b < M)
    whole = (dense.x - acts @ d.W_dec - d.b_dec).square().sum(1).mean()
    expected = (inner + whole) / 1.5
    torch.testing.assert_close(sparse.reconstruction, expected)
    expected.backward()
    for name, p in sparse.dictionary.named_parameters():
        torch.testing.assert_close(p.grad, dict(d.named_parameters())[name].grad)


def test_multi_topk_rebuilds_with_more_beside():
    d, x = make("topk"), x64()
    look = objectives.look_at(d, x, x)
    pre = (x - d.b_pre) @ d.W_enc.T + d.b_enc
    top = pre.topk(12, dim=1)
    acts = torch.zeros_like(pre).scatter(1, top.indices, top.values.relu())
    expected = (x - acts @ d.W_dec - d.b_dec).square().sum(1).mean()
    torch.testing.assert_close(objectives.more(look, 12), expected)
    alone, beside = (taught(learner_of(kind="topk", more=on), 40) for on in (0, 0.125))
    with torch.no_grad():
        errors = []
        for learner in (alone, beside):
            learner.dictionary.sparsity = TopK(16)
            x = world("flat", n_features=32, width=20, active=3).sample(512, number=99).x
            errors.append(float((learner.dictionary.eval()(x) - x).square().mean()))
    assert errors[1] < errors[0]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kind": "relu", "k_first": 8}, "`k_first` has no effect on `relu`"),
        ({"kind": "gated", "refine": 0.3}, "`refine` has no effect on `gated`"),
        ({"kind": "batch-topk", "more": 0.1}, "`more` has no effect on `batch-topk`"),
        ({"kind": "topk", "k_first": 2}, "`k_first` is 2; it lies between `k` and `latents`"),
    ],
    ids=str,
)
def test_what_a_kind_would_ignore_is_refused(settings: dict[str, object], words: str):
    with pytest.raises(ValidationError, match=words):
        DictionaryConfig.model_validate({"latents": 40, "k": 4, **settings})
