"""The server as it is."""

SERVICES = ("gateway",)


def install() -> None:
    """Change nothing."""
