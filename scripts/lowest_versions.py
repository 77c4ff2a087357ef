"""Print pip constraints that hold every requirement to its lower bound, for the tests on the oldest packages.

python scripts/lowest_versions.py > lowest.txt
PIP_CONSTRAINT=lowest.txt python dev.py test
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def lowest_versions():
    """Return `name==version` for every `name>=version` in requirements.txt and the extras of pyproject.toml."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    extras = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("[project.optional-dependencies]")[1]
    text += "\n".join(re.findall('"([^"]+>=[^",]+)', extras.split("\n[")[0]))
    return sorted({line.replace(">=", "==") for line in text.split()})


if __name__ == "__main__":
    print("\n".join(lowest_versions()))
