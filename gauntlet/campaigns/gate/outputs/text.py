"""Texts from runs, made harmless for GitHub's runner, and cut where they are too long."""

from gauntlet.reports.markdown_text import plain

_CLOSED = "</details>"


def line(text: str) -> str:
    """Return a text for one line of output, which GitHub's runner must not read as a command."""
    text = " ".join(plain(text).splitlines())
    # The runner reads `::` after leading spaces, and the older `##[` anywhere in a line.
    text = text.replace("##[", "##\u200b[")
    return f"\u200b{text}" if text.lstrip(" \u200b").startswith("::") else text


def shortened(text: str, size_max: int, note: str) -> str:
    """Return the first lines of a text, so that it has at most `size_max` bytes with the note."""
    if len(text.encode()) <= size_max:
        return text
    end = ["", note]
    if "<details>" in text:  # else the note could be hidden in a part that is cut open
        end = ["", _CLOSED, "", note]
    room = size_max - len("\n".join(end).encode()) - 1
    kept, size = [], 0
    for line in text.splitlines():
        size += len(line.encode()) + 1
        if size > room:
            break
        kept.append(line)
    opened = sum(line.startswith("<details>") - (line == _CLOSED) for line in kept)
    return "\n".join([*kept, *(end if opened else ["", note])])
