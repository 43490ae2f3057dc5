"""Smart Environment: air quality and weather."""
