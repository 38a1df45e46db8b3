"""What happened in a run, as data and in words."""
