"""The lake: where a table lies, how it is written and how it is read.

Storage layout belongs here; what a table means is its contract (``quality``)."""
