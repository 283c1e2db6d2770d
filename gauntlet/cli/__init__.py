"""The `gauntlet` command: arguments, subcommands, and what the terminal shows."""
