"""What Muang makes: landed bytes, lake tables and published snapshots, a package a Smart.

Pure functions on frames, with thin Dagster factories beside them. May import ``quality``, never ``pipelines``."""
