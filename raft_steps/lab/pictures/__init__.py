"""SVG pictures of traces: space-time diagram, log table, and ring of servers."""
