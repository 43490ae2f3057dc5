"""Smart Governance: citizens' reports and what a city publishes."""
