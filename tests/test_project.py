"""The project keeps its word: commands, flags and names in the docs, and what the wheel holds."""

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import unmix
from unmix.cli.flags import spellings
from unmix.cli.main import VERBS
from unmix.cli.parse import read_recipe

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])
EXAMPLE_RECIPES = {"mine.toml", "RECIPE.toml"}
"""Names that stand for the reader's own file."""

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))


def reference() -> ModuleType:
    """Import the tool that writes the tables of flags."""
    spec = importlib.util.spec_from_file_location("reference", ROOT / "tools" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def commands(page: Path) -> list[list[str]]:
    """Return the command lines of `unmix` shown in a page, as words."""
    lines = re.findall(r"^(?: {4})?(?:\.venv/bin/)?unmix (.+)$", page.read_text(), re.MULTILINE)
    inline = re.findall(r"`unmix ([^`\n]+)`", page.read_text())
    return [re.split(r" {2,}|#", line)[0].split() for line in [*lines, *inline]]


@each_page
def test_commands_of_make_are_there(page: Path):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:^|`|^ {4})make ([a-z-]+)", page.read_text(), re.MULTILINE)
    assert set(named) <= targets


@each_page
def test_commands_of_unmix_are_there(page: Path):
    configs = reference().CONFIGS
    for words in commands(page):
        verb, rest = words[0], words[1:]
        if verb in ("VERB", "--help", "--version"):
            continue
        assert verb in VERBS
        known = [*spellings(configs[verb]), "--resume"]
        given = [word.split("=")[0] for word in rest if word.startswith("--")]
        assert set(given) <= set(known), words
        for word in rest:
            if word.endswith(".toml") and word not in EXAMPLE_RECIPES:
                read_recipe(word)


@each_page
def test_links_lead_somewhere(page: Path):
    links = re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text())
    missing = [link for link in links if not (page.parent / link).exists()]
    assert missing == []


def test_every_page_is_in_the_index():
    """A folder of pages has an index of its own, which the one above it names."""
    for index in (ROOT / "docs").rglob("index.md"):
        folder = index.parent
        pages = {page.name for page in folder.glob("*.md")} - {"index.md"}
        pages |= {f"{part.name}/index.md" for part in folder.iterdir() if part.is_dir()}
        assert pages == set(re.findall(r"\(([a-z0-9-]+(?:/index)?\.md)\)", index.read_text()))


def test_every_flag_is_in_the_docs():
    tool = reference()
    text = tool.PAGE.read_text(encoding="utf-8")
    assert set(tool.CONFIGS) == set(VERBS)
    assert tool.render(text) == text, "run `make docs`"
    assert all(f"<!-- flags of {verb} -->" in text for verb in VERBS)


def test_public_names_are_sorted_documented_and_there():
    names = list(unmix.PUBLIC)
    assert names == sorted(names)
    listed = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "python.md").read_text(), re.MULTILINE)
    assert listed == names
    for name in names:
        assert getattr(unmix, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute `nothing`"):
        _ = unmix.nothing
    assert "load" in dir(unmix)


def test_importing_unmix_imports_nothing_heavy():
    code = (
        "import sys, unmix, unmix.cli.main\n"
        "heavy = {'torch', 'transformers', 'numpy', 'pydantic', 'tyro', 'rich'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_fragments_of_the_changelog_have_names_that_are_read():
    names = [path.name for path in (ROOT / "changes").iterdir() if not path.name.startswith(".")]
    form = re.compile(r"(\d+|\+[a-z-]+)\.(added|changed|fixed|removed)(\.\d+)?\.md")
    assert [name for name in names if not form.fullmatch(name)] == []


def test_the_pins_hold_all_that_is_asked_for():
    """A package that comes unpinned may be another one tomorrow."""
    text = (ROOT / "constraints.txt").read_text()
    pinned = {canonicalize_name(n) for n in re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    for extra in project["project"]["optional-dependencies"].values():
        asked += extra
    waiting, seen = [Requirement(text) for text in asked], set()
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if (name, *wanted.extras) not in seen:
            seen.add((name, *wanted.extras))
            waiting += _needs(wanted)
    assert {name for name, *_ in seen} - pinned == set()
    assert "torch==2.13.0" in text


def test_the_wheel_holds_the_package_and_nothing_else(tmp_path: Path):
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
        entry = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert "unmix = unmix.cli.main:main" in archive.read(entry).decode()
    source, page = ROOT / "src", ROOT / "src" / "unmix" / "explorer" / "static"
    kinds = (".py", ".toml", ".css", ".yaml", ".json", ".bin")
    files = [p for p in source.rglob("*") if p.suffix in kinds and not p.is_relative_to(page)]
    built = [p for p in page.rglob("*") if p.is_file()]
    assert set(names) == {str(p.relative_to(source)) for p in [*files, *built]}
    assert {"unmix/recipes/demo.toml", "unmix/evaluation/report.css"} <= set(names)
    if os.environ.get("UNMIX_SKIP_WEB") != "1":
        assert "unmix/explorer/static/index.html" in names
        assert "unmix/explorer/static/licences.txt" in names
    assert {"unmix/learn/recorded/grid.json", "unmix/learn/content/checks.yaml"} <= set(names)
    assert wheel.stat().st_size < 3 * 2**20


def _needs(wanted: Requirement) -> list[Requirement]:
    """Return what a package asks for here, if it is installed."""
    try:
        found = metadata.requires(wanted.name) or []
    except metadata.PackageNotFoundError:
        return []
    extras = [*wanted.extras, ""]
    needs = [Requirement(text) for text in found]
    return [
        n for n in needs if not n.marker or any(n.marker.evaluate({"extra": e}) for e in extras)
    ]
