"""The live pitch tracker: how it is trained, and how well it finds the pitch."""
