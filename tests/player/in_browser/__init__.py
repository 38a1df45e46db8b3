"""Tests of the player in a real JupyterLab and a real browser."""
