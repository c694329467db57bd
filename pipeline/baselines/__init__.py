"""Simple detectors that a network must beat: fitted on training captures, scored on the windows that networks score."""
