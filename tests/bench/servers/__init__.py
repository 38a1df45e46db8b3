"""Real servers next to others of their kind, in one run: `make bench-servers`."""
