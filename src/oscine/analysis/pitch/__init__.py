"""Pitch: the trackers, their agreement, and pitch files that people have corrected."""
