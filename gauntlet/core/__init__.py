"""What all parts share: run directory, history, scenario, descriptions of plug-ins, errors."""
