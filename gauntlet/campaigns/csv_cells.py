"""Cells of the CSV tables of campaigns, which people open as spreadsheets."""

# With these, a spreadsheet takes a text for a formula; some also take the wide forms.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def cell(value: object) -> object:
    """Return a value as a cell: a text is on one line, can be encoded, and is never a formula."""
    if value is None:
        return ""
    if isinstance(value, str):
        clean = " ".join(value.encode(errors="replace").decode().split())
        return f"'{clean}" if clean.startswith(_FORMULA) else clean
    return value
