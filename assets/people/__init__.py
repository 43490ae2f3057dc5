"""Smart People: the registered population."""
