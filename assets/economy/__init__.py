"""Smart Economy: visitors and what they bring."""
