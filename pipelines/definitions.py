"""The Dagster code location (``workspace.yaml`` and ``[tool.dagster]`` point here)."""

from pipelines.build import build_defs

defs = build_defs()
