"""The way of the data, a folder a stage: cities, landing, sources, meters, lake, indicators, snapshots.

A stage imports only stages before it; ``graph`` alone joins them, and ``checks`` shows their verdicts. May import
``quality``, never ``demo`` or ``pipelines``."""
