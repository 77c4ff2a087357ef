"""Names and tooltips in ComfyUI's languages."""

import importlib.util
import json

import pytest
from comfy_setup import ROOT


@pytest.fixture(scope="module")
def write_locales():
    spec = importlib.util.spec_from_file_location("write_locales", ROOT / "scripts" / "write_locales.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(language):
    return json.loads((ROOT / "locales" / language / "nodeDefs.json").read_text(encoding="utf-8"))


def test_english_is_what_the_schemas_say(nodes, home, write_locales):
    assert read("en") == write_locales.make_definitions(nodes), "run scripts/write_locales.py"


def test_every_language_has_every_text():
    for folder in (ROOT / "locales").iterdir():
        assert shape(read(folder.name)) == shape(read("en")), folder.name


def test_chinese_is_translated():
    """A name, description or tooltip without a Chinese character was forgotten."""
    texts = []
    for node in read("zh").values():
        parts = [*node["inputs"].values(), *node["outputs"].values()]
        texts += [node["display_name"], node["description"], *(part["tooltip"] for part in parts)]
    assert [text for text in texts if not any("\u4e00" <= letter <= "\u9fff" for letter in text)] == []


def shape(content):
    """All keys, and whether there is a text."""
    if isinstance(content, dict):
        return {key: shape(value) for key, value in content.items()}
    return bool(content)
