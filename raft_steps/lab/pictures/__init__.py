"""SVG pictures of traces: space-time diagram, log table, ring of servers."""
