"""Packs: latents found by their place, whoever was stopped and however many work."""

import gzip
import json
import time
from functools import partial
from pathlib import Path

import pytest

from unmix.export import packs
from unmix.export.packs import LARGEST, write_packs
from unmix.export.work import blocks

MANY = 150


def leaf(latent: int) -> bytes:
    """Return some bytes that say which latent they are of."""
    return json.dumps({"latent": latent, "more": "x" * latent}).encode()


def opened():
    """Return what makes the bytes; at the top of a module, so that processes can be sent it."""
    return leaf


def nothing(done: int, total: int) -> None:
    """Count nothing."""


def read(folder: Path, latent: int) -> bytes:
    """Read a latent as a page does."""
    index = json.loads((folder / "index.json").read_text())
    pack = [one for one in index["packs"] if one["first"] <= latent][-1]
    place = latent - pack["first"]
    start = pack["ends"][place - 1] if place else 0
    return gzip.decompress((folder / pack["file"]).read_bytes()[start : pack["ends"][place]])


def whole(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_every_latent_is_found(tmp_path: Path):
    counted: list[tuple[int, int]] = []
    write_packs(
        tmp_path,
        MANY,
        opened=opened,
        processes=1,
        counter=lambda done, total: counted.append((done, total)),
    )
    assert [read(tmp_path, latent) for latent in range(MANY)] == [leaf(j) for j in range(MANY)]
    assert counted == [(64, MANY), (128, MANY), (MANY, MANY)]


def test_a_pack_is_no_larger_than_a_page_may_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(packs, "LARGEST", 500)
    write_packs(tmp_path, MANY, opened=opened, processes=1, counter=nothing)
    sizes = [path.stat().st_size for path in tmp_path.glob("*.bin")]
    assert max(sizes) <= 500
    assert len(sizes) > 10
    assert [read(tmp_path, latent) for latent in range(MANY)] == [leaf(j) for j in range(MANY)]
    assert LARGEST == 2**20


def test_several_processes_write_what_one_writes(tmp_path: Path):
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        write_packs(folder, MANY, opened=opened, processes=processes, counter=nothing)
    assert whole(tmp_path / "1") == whole(tmp_path / "2")


def test_what_was_stopped_is_gone_on_with(tmp_path: Path):
    write_packs(tmp_path / "whole", MANY, opened=opened, processes=1, counter=nothing)

    def stop(done: int, total: int) -> None:
        if done > 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_packs(tmp_path / "part", MANY, opened=opened, processes=1, counter=stop)
    assert not (tmp_path / "part" / "index.json").exists()
    counted: list[int] = []
    write_packs(
        tmp_path / "part",
        MANY,
        opened=opened,
        processes=1,
        counter=lambda done, total: counted.append(done),
    )
    assert counted == [MANY]
    assert whole(tmp_path / "part") == whole(tmp_path / "whole")


def test_an_error_in_a_process_comes_out():
    with pytest.raises(ZeroDivisionError):
        list(blocks(divided, [1, 0], opened=opened, processes=2))


def divided(_: object, number: int) -> None:
    """Fail for zero."""
    assert 1 / number


def test_a_stop_finishes_only_the_blocks_in_hand(tmp_path: Path):
    numbers = range(400)
    working = blocks(marked, [*numbers], opened=partial(str, tmp_path), processes=2)
    next(working)
    working.close()  # as an interrupt in the middle of it does
    assert 1 <= len(list(tmp_path.iterdir())) < len(numbers)


def marked(folder: str, number: int) -> None:
    """Do a block that takes a while."""
    time.sleep(0.02)
    (Path(folder) / str(number)).touch()
