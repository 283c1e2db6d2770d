"""`make bench-load`: the cost of the load engine and the accuracy of its numbers."""
