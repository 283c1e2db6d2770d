"""The grades: what chat systems keep and lose when connections and servers fail."""
