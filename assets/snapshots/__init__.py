"""What a city publishes: build, commit, verify, the city's page. Reads the lake only, never landing."""
