"""What Muang accepts: table contracts, suites, verdicts, meter rules and the privacy gate.

Frames in, verdicts out. Knows no Dagster and no storage, and imports neither ``assets`` nor ``pipelines``."""
