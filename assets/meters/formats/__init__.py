"""Readers of meter exports: one module a format, bytes to canonical readings (``quality.readings``).

``content`` says what bytes are, ``canonical`` and ``stamps`` hold what all readers share. Choosing a reader is
``assets.meters.exports``; nothing here touches a store or a network.
"""
