"""Files are whole or absent, and a full disk is a sentence."""

import errno
import os
from pathlib import Path

import pytest
import safetensors.torch
import torch
from safetensors import SafetensorError

from unmix.disk import (
    fingerprint,
    read_json,
    read_tensors,
    replacing,
    write_json,
    write_tensors,
    write_text,
)
from unmix.errors import UserError


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_text(tmp_path / "a.txt", "old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"a\.txt`: the disk is full; free some space"):
        write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_full_disk_while_tensors_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    said = "Error while serializing: I/O error: No space left on device (os error 28)"

    def full(*_: object) -> None:
        raise SafetensorError(said)

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(UserError, match="the disk is full"):
        write_tensors(tmp_path / "t.safetensors", {"a": torch.zeros(2)})
    assert list(tmp_path.iterdir()) == []


def write_half(folder: Path) -> Path:
    """Write one file of a folder, damaged."""
    write_text(folder / "half", "{")
    return folder / "half"


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path):
    with pytest.raises(UserError), replacing(tmp_path / "d") as beside:
        write_json(beside / "x", read_json(write_half(beside)))
    assert list(tmp_path.iterdir()) == []
    for text in ("1", "2"):
        with replacing(tmp_path / "d") as beside:
            write_text(beside / "x", text)
    assert (tmp_path / "d" / "x").read_text() == "2"


def test_what_cannot_be_read_is_named(tmp_path: Path):
    path = tmp_path / "x.json"
    with pytest.raises(UserError, match="does not exist"):
        read_json(path)
    path.write_text('{"a": ')
    with pytest.raises(UserError, match="is damaged"):
        read_json(path)
    path.write_text("[1]")
    with pytest.raises(UserError, match="JSON object"):
        read_json(path)
    with pytest.raises(UserError, match="damaged or cut short"):
        read_tensors(path)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"a": float("nan")})


def test_a_fingerprint_follows_the_content():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
