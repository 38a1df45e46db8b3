"""What decides a run, as data: one line of text or JSON."""
