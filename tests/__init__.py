"""The tests, in the rooms of the laboratory that they test."""
