"""Smart Living: hazards, water levels and what else touches daily life. No source is wired yet."""
