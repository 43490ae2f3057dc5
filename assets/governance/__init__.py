"""Smart Governance: citizens' reports and what a city publishes. No source is wired yet."""
