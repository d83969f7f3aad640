"""Back ends: each runs or prints the ``Step`` of ``ir.lower``; none knows a model by name."""
