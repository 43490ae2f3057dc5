"""What a city publishes: build, commit, verify, the report page.

Reads the lake only; never landing."""
