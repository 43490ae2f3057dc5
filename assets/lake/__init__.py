"""Rows to tables: files, the ledger of what was ingested, derived tables, meter tables and the load profile."""
