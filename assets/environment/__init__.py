"""Smart Environment: air, weather, water and fire, and the stations that measure them."""
