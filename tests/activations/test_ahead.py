import subprocess
import sys
import threading
import time
from collections import deque
from itertools import count, islice
from pathlib import Path

import pytest
import torch

from tests.activations.made import config, store
from unmix.activations.ahead import Ahead
from unmix.activations.live import LiveSource
from unmix.activations.source import Source
from unmix.activations.store import Store
from unmix.activations.stream import Stream
from unmix.errors import UserError


@pytest.fixture(scope="module")
def kept(tiny_llama: Path, tiny_text: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return store(tiny_llama, tiny_text, tmp_path_factory.mktemp("store"), tokens=1200)


@pytest.fixture(scope="module")
def live(tiny_llama: Path, tiny_text: Path) -> LiveSource:
    return LiveSource(config(tiny_llama, tiny_text, tokens=1200))


def threads() -> list[threading.Thread]:
    """Return the threads that read ahead."""
    return [thread for thread in threading.enumerate() if thread.name == "reads ahead"]


@pytest.mark.parametrize("buffer", [10, 512, 10**6])
@pytest.mark.parametrize("kind", ["kept", "live"])
def test_reading_ahead_changes_nothing(
    request: pytest.FixtureRequest, kind: str, buffer: int
) -> None:
    source: Source = request.getfixturevalue(kind)
    before = threads()
    settings = {"batch": 100, "buffer": buffer, "seed": 3, "epochs": 3}
    plain = Stream(source, **settings, reads_ahead=False)
    ahead = Stream(source, **settings, reads_ahead=True)
    states = []
    for right, found in zip(plain, ahead, strict=True):
        assert all(torch.equal(right[site], found[site]) for site in source.sites)
        assert plain.state() == ahead.state()
        states.append(ahead.state())
    assert ahead.reads_ahead == (buffer < 10**6)  # one block of all shards is read once
    assert ahead.buffer_bytes == (1 + ahead.reads_ahead) * plain.buffer_bytes
    for state in (states[3], states[0], states[-4]):
        for stream in (plain, ahead):
            stream.restore(state)
        for right, found in islice(zip(plain, ahead, strict=True), 4):
            assert all(torch.equal(right[site], found[site]) for site in source.sites)
    ahead.restore({"epoch": 3, "block": 0, "batch": 0})
    assert list(ahead) == []
    assert len(threads()) <= len(before) + 1
    del ahead, stream
    assert threads() == before


def test_an_error_in_the_thread_is_raised_where_its_shard_is_due(
    kept: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, stream = (Stream(kept, batch=64, buffer=256, reads_ahead=a) for a in (False, True))
    broken = next(iter(plain._order((0, 2))))
    read = Store.shard

    def shard(self: Store, split: str, number: int) -> object:
        if number == broken:
            raise UserError("the disk is gone")
        return read(self, split, number)

    monkeypatch.setattr(Store, "shard", shard)
    for one in (plain, stream):
        with pytest.raises(UserError, match="the disk is gone"):
            deque(one, maxlen=0)
        assert one.state() == {"epoch": 0, "block": 2, "batch": 0}
        with pytest.raises(UserError, match="the disk is gone"):  # again, and not a hang
            next(one)
    monkeypatch.undo()
    assert torch.equal(next(plain)["mlp.1"], next(stream)["mlp.1"])


def test_no_more_is_read_than_there_is_room_for_and_the_end_waits_for_one_call() -> None:
    before, made = threads(), []

    def make(key: int) -> int:
        made.append(key)
        time.sleep(0.01)
        return key

    ahead = Ahead(make, count(), depth=3)
    time.sleep(0.3)
    assert made == [0, 1, 2]
    assert [ahead.take() for _ in range(5)] == [0, 1, 2, 3, 4]
    ahead.close()
    assert threads() == before
    assert len(made) <= 9


ENDS = """
import time
from itertools import count
from unmix.activations.ahead import Ahead
ahead = Ahead(lambda key: time.sleep(0.01) or str(key), count(), depth=10**6)
print(ahead.take())
raise KeyboardInterrupt
"""


def test_a_stop_does_not_wait_for_what_is_to_come() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDS], capture_output=True, text=True, timeout=20, check=False
    )
    assert done.stdout == "0\n"
    assert done.stderr.strip().endswith("KeyboardInterrupt")
