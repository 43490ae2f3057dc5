"""Bytes of meter exports to readings: one module a format, declared layouts, the meter register."""
