"""Everything that breaks the system, and puts it back."""
