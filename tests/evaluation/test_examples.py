"""Examples are drawn by chance, come one a document, and never peak where nothing is measured."""

import pytest
import torch

from tests.evaluation.made import Made, byte_tokenizer, dictionary
from unmix.evaluation.candidates import Candidate, from_dictionary
from unmix.evaluation.examples import (
    AFTER,
    BEFORE,
    EXAMPLES,
    ExamplesPass,
    Gathered,
    Portrait,
    draw,
    logit_effects,
    portraits,
)

WIDTH = 32


def source(*, shards: int = 3) -> Made:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(24 * WIDTH, 6, generator=generator)
    documents = (torch.arange(24 * WIDTH) // 45).view(24, WIDTH)
    special = torch.zeros(24, WIDTH, dtype=torch.bool)
    special[:, 0] = True
    massive = torch.zeros(24 * WIDTH, dtype=torch.bool)
    massive[5::97] = True
    x[massive] *= 100
    tokens = torch.randint(2, 258, (24, WIDTH), generator=generator)
    return Made({"x": x}, documents, special=special, massive=massive, tokens=tokens, shards=shards)


def candidate() -> Candidate:
    return from_dictionary("d", dictionary(6, 20), site="x", target="x")


def acts_of(made: Made) -> torch.Tensor:
    code = candidate().rebuild(made.acts["x"]).code
    assert code is not None
    return code.dense()


def gathered(made: Made, latents: torch.Tensor, examples: int = EXAMPLES) -> Gathered:
    found = ExamplesPass(candidate(), latents, examples=examples)
    for i in range(made.parts):
        found.add(made.shard("held_out", i))
    return found.found()


def shown(made: Made, latents: torch.Tensor) -> list[Portrait]:
    n = int((~(made.special.flatten() | made.massive)).sum())
    return portraits(
        gathered(made, latents),
        byte_tokenizer(),
        latents=latents,
        n=n,
        document=lambda number: f"document {number}",
    )


def test_the_draw_is_by_chance_among_those_that_fired():
    counts = torch.tensor([0, 3, 0, 1, 1, 9, 0, 2])
    for seed in range(5):
        drawn = draw(counts, count=3, seed=seed)
        assert (counts[drawn] > 0).all()
        assert drawn.tolist() == sorted(set(drawn.tolist()))
        assert torch.equal(drawn, draw(counts, count=3, seed=seed))
    assert len({tuple(draw(counts, count=3, seed=s).tolist()) for s in range(20)}) > 3
    assert draw(counts, count=99).tolist() == [1, 3, 4, 5, 7]
    assert len(draw(torch.zeros(4, dtype=torch.int64))) == 0


@pytest.mark.parametrize("shards", [1, 3, 24])
def test_the_strongest_token_of_the_strongest_documents_by_a_plain_loop(shards: int):
    made, latents = source(shards=shards), torch.tensor([0, 7, 13])
    found = gathered(made, latents).windows
    acts = acts_of(made)
    keep = ~(made.special.flatten() | made.massive)
    documents = made.numbers.flatten()
    for i, latent in enumerate(latents.tolist()):
        best: dict[int, float] = {}
        for row in range(len(acts)):
            act, document = float(acts[row, latent]), int(documents[row])
            if keep[row] and act > best.get(document, 0):
                best[document] = act
        plain = sorted(best.items(), key=lambda pair: -pair[1])[:EXAMPLES]
        assert found.strength[: len(plain), i].tolist() == [act for _, act in plain]
        assert found.document[: len(plain), i].tolist() == [document for document, _ in plain]


def test_shards_do_not_change_what_is_found():
    latents = torch.arange(20)
    whole, parts = shown(source(shards=1), latents), shown(source(shards=8), latents)
    assert whole == parts


def test_a_window_keeps_to_its_context_and_its_document():
    made, latents = source(), torch.arange(20)
    windows = gathered(made, latents).windows
    assert windows.tokens.shape[2] == BEFORE + 1 + AFTER
    documents, tokens = made.numbers.flatten(), made.tokens.flatten()
    acts = acts_of(made)
    checked = 0
    for e, i in (windows.strength > 0).nonzero().tolist():
        document, strength = windows.document[e, i], windows.strength[e, i]
        rows = ((documents == document) & (acts[:, i] == strength)).nonzero().flatten()
        peak = int(rows[0])
        assert windows.shown[e, i, BEFORE]
        for w in range(BEFORE + 1 + AFTER):
            row = peak + w - BEFORE
            inside = 0 <= row < len(tokens) and row // WIDTH == peak // WIDTH
            same = inside and documents[row] == document and not made.special.flatten()[row]
            assert bool(windows.shown[e, i, w]) == bool(same)
            if same:
                assert windows.tokens[e, i, w] == tokens[row]
                assert windows.acts[e, i, w] == acts[row, i]
                checked += 1
    assert checked > 1000


def test_examples_are_of_different_documents_and_marked_once():
    for portrait in shown(source(), torch.arange(20)):
        names = [example.document for example in portrait.examples]
        assert len(set(names)) == len(names)
        assert portrait.examples == sorted(portrait.examples, key=lambda e: -e.act)
        for example in portrait.examples:
            assert sum(piece.is_peak for piece in example.pieces) == 1
            assert example.act <= portrait.largest


def test_the_histogram_holds_every_firing():
    made = source()
    for portrait in shown(made, torch.arange(20)):
        assert sum(portrait.counts) == portrait.n_fired
        assert portrait.edges[0] == 0
        assert portrait.edges[1] == pytest.approx(portrait.largest)


def test_massive_tokens_are_shown_as_not_measured():
    pieces = [
        piece
        for portrait in shown(source(), torch.arange(20))
        for example in portrait.examples
        for piece in example.pieces
    ]
    assert any(piece.act is None for piece in pieces)
    assert not any(piece.is_peak and piece.act is None for piece in pieces)


def test_logit_effects_by_hand():
    directions = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    unembedding = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]])
    found = logit_effects(directions, unembedding)
    assert found.tolist() == [[0, -1, 1], [-2, 0, 2]]


def test_effects_are_readable_and_strongest_first():
    made, latents = source(), torch.tensor([1])
    effects = torch.zeros(1, 257)
    tokenizer = byte_tokenizer()
    space = tokenizer.convert_tokens_to_ids("Ġ")
    effects[0, space], effects[0, 30], effects[0, 31] = 3, 2, -4
    (portrait,) = portraits(
        gathered(made, latents),
        tokenizer,
        latents=latents,
        n=700,
        document=str,
        effects=effects,
    )
    assert portrait.up[0] == ("␣", 3)
    assert portrait.up[1].logit == 2
    assert portrait.down[0].logit == -4
