"""What a run leaves behind if it is killed: written down beforehand, and undone afterwards."""
