"""`gauntlet adapter`: tools for authors of adapters."""
