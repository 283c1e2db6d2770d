"""Renders a result: HTML report, charts, JUnit file and Markdown pages."""
