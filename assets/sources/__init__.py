"""Bytes of portals to rows and problems: one module a publisher, beside what a source is and shared tools."""
