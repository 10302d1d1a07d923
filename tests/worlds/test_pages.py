"""Every world has a page, and every page a picture that was drawn from it."""

from pathlib import Path

from unmix.worlds.named import WORLDS

FOLDER = Path(__file__).parent.parent.parent / "docs" / "worlds"


def test_every_world_has_a_page_and_a_picture():
    pages = {page.stem for page in FOLDER.glob("*.md")} - {"index"}
    assert pages == set(WORLDS)
    for name in WORLDS:
        text = (FOLDER / f"{name}.md").read_text()
        assert text.startswith(f"# {name}\n")
        assert f"]({name}.svg)" in text
        assert "**Source.**" in text
        picture = (FOLDER / f"{name}.svg").read_text()
        assert "<title>" in picture
        assert len(picture) < 2**15


def test_every_setting_is_on_the_page():
    from inspect import signature

    for name, make in WORLDS.items():
        text = (FOLDER / f"{name}.md").read_text()
        for setting in signature(make).parameters:
            assert f"`{setting}`" in text, (name, setting)
