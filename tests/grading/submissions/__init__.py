"""Submissions as texts: they are graded, and never imported."""
