"""``python -m pipelines.cli``."""

from pipelines.cli import app

app()
