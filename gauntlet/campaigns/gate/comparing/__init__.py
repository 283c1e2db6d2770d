"""The comparison of two versions: numbers in, decisions out."""
