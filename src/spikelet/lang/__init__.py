"""The language: text becomes a tree of expressions, checked for names and units."""
