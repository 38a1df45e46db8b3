"""The bugs that other systems had, as wrong Nodes: which check fails, and which sweep or search finds them."""
