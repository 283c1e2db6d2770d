"""From a violation to what people read: its slice, its time, and the life of a message."""
