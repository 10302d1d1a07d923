import pytest
import torch

from unmix.evaluation.density import histogram, shares


def named(counts: list[int], n: int) -> dict[str, float | None]:
    return {s.name: s.value for s in shares(torch.tensor(counts), n, seconds=0.0)}


def test_shares_by_hand():
    found = named([0, 1, 10, 11, 100, 101, 1000, 0], 1000)
    assert found["dead latents"] == 2 / 8
    assert found["dense > 1 %"] == 4 / 8  # 11, 100, 101, 1000 of 1,000 tokens
    assert found["dense > 10 %"] == 2 / 8


def test_ultralow_is_shown_only_where_it_can_be_told():
    assert "ultralow < 0.0001" not in named([1, 2], 99_999)
    found = named([0, 9, 10, 11], 100_000)
    assert found["ultralow < 0.0001"] == 1 / 4  # the dead one is counted as dead alone
    assert "ultralow < 1e-06" not in found
    assert named([0, 9, 11, 11], 10_000_000)["ultralow < 1e-06"] == 1 / 4


def test_the_count_of_tokens_is_in_the_definition():
    dead = shares(torch.tensor([0, 1]), 12_345, seconds=0.0)[0]
    assert "12,345" in dead.definition
    assert dead.n == 12_345
    assert dead.low is None


@pytest.mark.parametrize("n", [7, 100, 12_345, 1_000_000])
def test_the_histogram_holds_every_latent_that_fired_and_no_other(n: int):
    counts = torch.randint(0, n + 1, (500,), generator=torch.Generator().manual_seed(0))
    counts[:50] = 0
    counts[50], counts[51] = 1, n
    found = histogram(counts, n)
    assert found.dead == int((counts == 0).sum())
    assert sum(found.counts) == 500 - found.dead
    assert len(found.edges) == len(found.counts) + 1
    assert found.edges[-1] == 0
    assert 10 ** found.edges[0] <= 1 / n
    assert found.counts[-1] > 0


def test_the_histogram_puts_densities_where_they_belong():
    found = histogram(torch.tensor([10, 10, 500]), 1000)
    where = [i for i, count in enumerate(found.counts) if count]
    edges = [(found.edges[i], found.edges[i + 1]) for i in where]
    assert edges == [(-2.0, -1.75), (-0.5, -0.25)]
