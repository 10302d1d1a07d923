import subprocess
import zipfile
from pathlib import Path

import pytest

from unmix import fetch
from unmix.disk import file_sha256
from unmix.errors import UserError
from unmix.fetch import Wheel, unpacked


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a small wheel that a stand-in for pip downloads; the cache is empty."""
    monkeypatch.setenv("UNMIX_CACHE", str(tmp_path / "cache"))
    wheel = tmp_path / "index" / "small-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("small/data.txt", "seven words")

    def pip(command: list[str], **_options: object) -> subprocess.CompletedProcess[str]:
        assert command[1:4] == ["-m", "pip", "download"]
        assert command[-1] == "small==1.0"
        into = Path(command[command.index("--dest") + 1])
        (into / wheel.name).write_bytes(wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(fetch.subprocess, "run", pip)
    return wheel


def test_a_wheel_is_unpacked_once_and_then_needs_no_network(
    served: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = Wheel("small", "1.0", file_sha256(served))
    folder = unpacked(wheel)
    assert (folder / "small" / "data.txt").read_text() == "seven words"
    monkeypatch.setattr(fetch.subprocess, "run", lambda *_a, **_k: pytest.fail("asked again"))
    assert unpacked(wheel) == folder


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(served: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"SHA-256 `{file_sha256(served)}` and not `0000"):
        unpacked(Wheel("small", "1.0", "0" * 64))
    assert not list((tmp_path / "cache").rglob("*.txt"))


def test_a_truncated_download_is_refused(served: Path, tmp_path: Path) -> None:
    wheel = Wheel("small", "1.0", file_sha256(served))
    served.write_bytes(served.read_bytes()[:60])
    with pytest.raises(UserError, match=r"the download of `small==1.0` was cut short"):
        unpacked(wheel)
    assert not list((tmp_path / "cache").rglob("*.txt"))


def test_no_network_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNMIX_CACHE", str(tmp_path))
    said = "WARNING: Retrying\nERROR: No matching distribution found for small==1.0\n"
    monkeypatch.setattr(
        fetch.subprocess,
        "run",
        lambda command, **_k: subprocess.CompletedProcess(command, 1, "", said),
    )
    with pytest.raises(UserError, match=r"\(No matching distribution .*check the network"):
        unpacked(Wheel("small", "1.0", "0" * 64))
