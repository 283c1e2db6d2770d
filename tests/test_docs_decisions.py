"""The index of the decisions lists each of them once, under its own title."""

import re
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "docs" / "decisions"
ROW = re.compile(r"^\| \[(\d{3})\]\(([\w-]+\.md)\) \| (.*?) \| (\w.*?) \| .+ \|$", re.MULTILINE)


def test_the_index_lists_every_decision_with_its_title_and_status():
    rows = ROW.findall((FOLDER / "README.md").read_text())
    files = sorted(file.name for file in FOLDER.glob("[0-9]*.md"))
    assert [name for _, name, _, _ in rows] == files
    for number, name, title, status in rows:
        text = (FOLDER / name).read_text()
        assert text.startswith(f"# {number}: {title}\n"), name
        (stated,) = re.findall(r"^Status: (.+)$", text, re.MULTILINE)
        assert re.sub(r"\[(\d+)\]\([^)]*\)", r"\1", stated) == status, name
