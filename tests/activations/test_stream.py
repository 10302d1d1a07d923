from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.activations.made import config, store
from unmix.activations.live import LiveSource
from unmix.activations.source import Source, eligible
from unmix.activations.store import Store
from unmix.activations.stream import Stream
from unmix.errors import UserError

SITES = ("resid.0", "mlp.1")


@pytest.fixture(scope="module")
def kept(tiny_llama: Path, tiny_text: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return store(tiny_llama, tiny_text, tmp_path_factory.mktemp("store"), tokens=1200)


@pytest.fixture(scope="module")
def live(tiny_llama: Path, tiny_text: Path) -> LiveSource:
    return LiveSource(config(tiny_llama, tiny_text, tokens=1200))


def rows(source: Source) -> Counter[bytes]:
    """Return the rows that a stream of both sites should give, side by side."""
    found: Counter[bytes] = Counter()
    for number in range(source.n_shards("train")):
        shard = source.shard("train", number)
        keep = eligible(shard, SITES[0]) & eligible(shard, SITES[1])
        found.update(keys([shard.acts[site][keep].float() for site in SITES]))
    return found


def keys(parts: list[Tensor]) -> list[bytes]:
    """Return the bytes of each row, sites side by side."""
    return [row.numpy().tobytes() for row in torch.cat(parts, 1)]


def drawn(stream: Stream) -> Counter[bytes]:
    """Return all rows a stream gives."""
    return Counter(key for batch in stream for key in keys([batch[site] for site in SITES]))


@pytest.mark.parametrize("buffer", [10, 512, 10**6])
@pytest.mark.parametrize("kind", ["kept", "live"])
def test_an_epoch_gives_each_eligible_row_once_but_for_remainders(
    request: pytest.FixtureRequest, kind: str, buffer: int
) -> None:
    source = request.getfixturevalue(kind)
    every = rows(source)
    stream = Stream(source, SITES, batch=16, buffer=buffer, epochs=1)
    found = drawn(stream)
    assert found <= every
    blocks = min(5, max(1, round(5 * 256 / buffer)))
    assert sum(every.values()) - sum(found.values()) < 16 * blocks
    single = Stream(source, SITES, batch=1, buffer=buffer, epochs=2)
    assert drawn(single) == every + every


def test_a_store_and_the_model_on_the_fly_give_the_same_rows(kept: Store, live: LiveSource) -> None:
    one, other = (Stream(s, SITES, batch=1, epochs=1, buffer=300) for s in (kept, live))
    assert drawn(one) == drawn(other)


@pytest.mark.parametrize("kind", ["kept", "live"])
def test_a_stream_restored_anywhere_goes_on_to_the_bit(
    request: pytest.FixtureRequest, kind: str
) -> None:
    source = request.getfixturevalue(kind)
    settings = {"batch": 100, "buffer": 512, "seed": 3}
    stream = Stream(source, **settings)
    states, batches = [stream.state()], []
    for batch in islice(stream, 30):
        batches.append(batch)
        states.append(stream.state())
    assert stream.state()["epoch"] >= 2
    for start in (0, 1, 4, 11, 12, 29):
        again = Stream(source, **settings)
        again.restore(states[start])
        for old, new in zip(batches[start : start + 3], again, strict=False):
            assert all(torch.equal(old[site], new[site]) for site in SITES)
    assert all(isinstance(v, int) for v in states[-1].values())
    batches.clear()
    stream.restore(states[4])
    assert torch.equal(next(stream)["mlp.1"], next(_at(source, settings, states[4]))["mlp.1"])


def _at(source: Source, settings: dict, state: dict[str, int]) -> Stream:
    stream = Stream(source, **settings)
    stream.restore(state)
    return stream


def test_the_order_follows_seed_and_epoch(kept: Store) -> None:
    firsts = [next(Stream(kept, batch=64, seed=seed))["mlp.1"] for seed in (0, 0, 1)]
    assert torch.equal(firsts[0], firsts[1])
    assert not torch.equal(firsts[0], firsts[2])
    stream = Stream(kept, batch=64)
    stream.restore({"epoch": 1, "block": 0, "batch": 0})
    assert not torch.equal(next(stream)["mlp.1"], firsts[0])


def test_batches_are_float32_and_mixed_over_the_block(kept: Store) -> None:
    batch = next(Stream(kept, ["mlp.1"], batch=256))
    assert set(batch) == {"mlp.1"}
    assert batch["mlp.1"].dtype == torch.float32
    assert batch["mlp.1"].shape == (256, 32)
    place = {}
    for number in range(5):
        acts = kept.shard("train", number).acts["mlp.1"].float()
        place |= dict.fromkeys(keys([acts]), number)
    counts = Counter(place[key] for key in keys([batch["mlp.1"]]))
    assert set(counts) == {0, 1, 2, 3, 4}
    assert max(counts[i] for i in range(4)) < 100


def test_the_memory_of_the_buffer_is_told(kept: Store) -> None:
    stream = Stream(kept, batch=16, buffer=512)
    next(stream)
    assert stream.buffer_bytes == 3 * 256 * (32 + 32) * 2
    assert stream.plan == "buffer: 768 tokens, 96 KiB of memory"


def test_too_few_rows_for_a_batch_are_refused(kept: Store) -> None:
    with pytest.raises(UserError, match=r"`batch = 5000` rows .* lower `batch`"):
        next(Stream(kept, batch=5000, buffer=256))
    with pytest.raises(UserError, match=r"not of site `resid.1`; they are of `resid.0`, `mlp.1`"):
        Stream(kept, ["resid.1"])
    assert list(Stream(kept, batch=16, epochs=0)) == []


@pytest.mark.parametrize("kind", ["kept", "live"])
def test_a_source_that_fits_one_block_is_read_once(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    source = request.getfixturevalue(kind)
    asked, shard = Counter(), type(source).shard

    def counted(self: Source, split: str, number: int) -> object:
        asked[number] += 1
        return shard(self, split, number)

    every = rows(source)
    monkeypatch.setattr(type(source), "shard", counted)
    stream = Stream(source, SITES, batch=1, epochs=3)
    assert drawn(stream) == every + every + every
    assert asked == dict.fromkeys(range(5), 1)
