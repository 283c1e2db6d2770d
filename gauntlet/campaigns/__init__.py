"""Campaigns: many runs, whose results are kept as records and written as a page."""
