"""The registry: one entry a city, checked by a model before anything runs."""
