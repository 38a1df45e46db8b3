"""Tests of the project itself: documents, environment, style."""
