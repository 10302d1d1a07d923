"""What the model writes, with a cache and without, with an intervention and without."""

import pytest
import torch

from tests.explorer.live.made import TEXT
from tests.explorer.live.test_steering import busy
from unmix.errors import UserError
from unmix.explorer.api import Intervention
from unmix.explorer.live import generation
from unmix.explorer.live.generation import Writer, generate
from unmix.explorer.live.prompt import prompt, readable
from unmix.explorer.live.session import Session
from unmix.explorer.live.steering import moves_of

PLACES = 12


def steering(session: Session, strength: float = 8.0, mode: str = "add") -> list[Intervention]:
    one = {"latent": busy(session)[0], "mode": mode, "strength": strength}
    return [Intervention.model_validate(one)]


@pytest.mark.parametrize("mode", ["ablate", "clamp", "add", "project"])
def test_the_cache_changes_nothing(session: Session, mode: str):
    moves = moves_of(session, steering(session, 5.0, mode))
    ids = prompt(session, TEXT).ids
    rows = [ids, ids]
    cached, fresh = Writer(session, moves), Writer(session, moves, keep=False)
    generator, size = torch.Generator().manual_seed(0), len(session.model.tokenizer)
    for _ in range(PLACES):
        logits = cached.logits(rows)
        torch.testing.assert_close(logits, fresh.logits(rows), atol=1e-3, rtol=1e-3)
        drawn = torch.randint(2, size, (2,), generator=generator).tolist()
        rows = [[*row, token] for row, token in zip(rows, drawn, strict=True)]


def test_without_an_intervention_it_is_what_transformers_writes(gpt2: Session):
    made = generate(gpt2, "the cat", steering(gpt2), tokens=PLACES, temperature=0)
    ids = prompt(gpt2, "the cat").tokens
    theirs = gpt2.model.model.generate(
        ids, max_new_tokens=PLACES, do_sample=False, attention_mask=torch.ones_like(ids)
    )
    new = theirs[0, ids.shape[1] :].tolist()
    if new and new[-1] == gpt2.model.tokenizer.eos_token_id:
        new = new[:-1]
    assert made.plain == readable(gpt2.model.tokenizer, new)


def test_adding_nothing_writes_the_same(session: Session):
    made = generate(session, TEXT, steering(session, 0.0), tokens=PLACES, seed=3)
    assert made.plain == made.changed
    assert made.seed == 3


def test_the_seed_decides(llama: Session):
    first = generate(llama, TEXT, steering(llama), tokens=PLACES, seed=1)
    again = generate(llama, TEXT, steering(llama), tokens=PLACES, seed=1)
    other = generate(llama, TEXT, steering(llama), tokens=PLACES, seed=2)
    assert (first.plain, first.changed) == (again.plain, again.changed)
    assert first.plain != other.plain
    assert first.changed != first.plain


def test_the_noise_samples_the_softmax():
    logits = torch.tensor([[0.0, 1.0, 2.0]])
    noise = torch.Generator().manual_seed(0)
    counts = torch.zeros(3)
    for _ in range(4000):
        counts[generation._chosen(logits, 0.5, noise)[0]] += 1
    expected = (logits[0] / 0.5).softmax(0)
    torch.testing.assert_close(counts / 4000, expected, atol=0.02, rtol=0)


def test_it_ends_where_the_model_ends_the_text(llama: Session, monkeypatch: pytest.MonkeyPatch):
    end = llama.model.tokenizer.eos_token_id
    drawn = iter([[5, 6], [end, 7], [8, 9], [10, end], [11, 12]])
    monkeypatch.setattr(generation, "_chosen", lambda *_: next(drawn))
    made = generate(llama, "the cat", steering(llama), tokens=PLACES)
    assert made.plain == readable(llama.model.tokenizer, [5])
    assert made.changed == readable(llama.model.tokenizer, [6, 7, 9])


def test_what_the_model_cannot_read_is_refused(llama: Session):
    with pytest.raises(UserError, match="reads 128 tokens at most"):
        generate(llama, "the cat " * 20, steering(llama), tokens=120)
