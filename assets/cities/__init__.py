"""The registry: one entry a city, checked by a model before anything runs.

Facts about cities belong here; how a source is read does not."""
