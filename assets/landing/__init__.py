"""Bytes as they came, each with a receipt; the only stage with a network or an inbox, and the restricted zone."""
