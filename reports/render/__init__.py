"""Shows a verdict: HTML report, plots, JUnit, summary."""
