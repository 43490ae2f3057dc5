"""The demo profile: made-up meters and portals with the real layouts and the real faults.

Here belong the generator of the inbox and the local server that answers as the portals do. Nothing here reads: what it
makes goes through the same readers as real deliveries, and everything that comes of it is marked synthetic."""
