"""From checks and objectives to the verdict: status, exit code, reasons and caveats."""
