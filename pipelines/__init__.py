"""How Muang runs: the Dagster code location, the command line, settings and the demo profile.

What belongs here: wiring. What does not: anything that reads, judges or writes data (``assets``, ``quality``)."""
