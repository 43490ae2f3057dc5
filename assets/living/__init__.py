"""Smart Living: facilities, and the hazards that touch daily life."""
