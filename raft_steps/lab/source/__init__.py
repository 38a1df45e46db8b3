"""The chain of steps as text: whole nodes, single definitions, and what a step changes."""
