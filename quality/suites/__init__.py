"""Suites: what a domain expert asks of a table beyond its contract, one YAML file a table (``docs/quality.md``)."""
