"""What students hand in, by accident or intent: texts that are graded, and never imported."""
