"""Smart Energy: meter exports, the ``meter_intervals`` table and the load profile.

One reader is one module that names its format and where that format is specified."""
