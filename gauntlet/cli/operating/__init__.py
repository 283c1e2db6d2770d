"""`gauntlet serve`, `cutover`, `scale` and `rolling`: the reference server on its own."""
