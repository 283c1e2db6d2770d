"""The charts of the pages. No other package imports matplotlib."""
