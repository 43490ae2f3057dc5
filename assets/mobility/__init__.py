"""Smart Mobility: public transport stops and routes."""
