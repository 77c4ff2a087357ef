"""The help pages: each explains every input and output, and the translations say all that the English ones say."""

import json
import re
from collections import Counter

import pytest
from comfy_setup import ROOT, every_input

DOCS = ROOT / "web" / "docs"
PITFALLS = {"en": "**Pitfalls**", "zh": "**注意**"}


def page(node_id, language):
    """ComfyUI asks for NODE/LANGUAGE.md first, and then for NODE.md, which is the English one."""
    path = DOCS / f"{node_id}.md" if language == "en" else DOCS / node_id / f"{language}.md"
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("language", PITFALLS)
def test_every_node_has_a_help_page_that_explains_all_of_it(nodes, home, language):
    names = json.loads((ROOT / "locales" / language / "nodeDefs.json").read_text(encoding="utf-8"))
    for node_id, node in nodes.items():
        schema, text = node.GET_SCHEMA(), page(node_id, language)
        assert text.startswith(f"# {names[node_id]['display_name']}\n"), node_id
        rows = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
        assert rows == {part.id for part in [*every_input(schema.inputs), *schema.outputs]}, node_id
        assert PITFALLS[language] in text and "![" in text
        for image in re.findall(r"!\[.+\]\((\S+)\)", text):
            assert (DOCS / image).exists(), image


def shape(text):
    """What a translation has in common with its original: blocks and lines, images, addresses, numbers."""
    kinds = [re.match(r"#|- |\| |\*\*|", line)[0] for line in text.splitlines()]
    kinds += ["block"] * len(text.split("\n\n"))
    addresses = re.findall(r"https://[^>)]+", text)
    numbers = re.findall(r"(?<![A-Za-z\d.])\d+(?:\.\d+)?(?![A-Za-z\d])", text)
    images = re.findall(r"!\[.+\]\((\S+)\)", text)
    return Counter([kind for kind in kinds if kind] + addresses + images + [*set(numbers)])


def test_chinese_says_no_less_than_english(nodes):
    """All rows, points, images, addresses and numbers are there."""
    missing = {node_id: shape(page(node_id, "en")) - shape(page(node_id, "zh")) for node_id in nodes}
    assert {node_id: less for node_id, less in missing.items() if less} == {}


def test_pages_are_in_chinese(nodes):
    for node_id in nodes:
        text = page(node_id, "zh")
        assert len(re.findall("[\u4e00-\u9fff]", text)) > 100, node_id
