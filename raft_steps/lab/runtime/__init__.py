"""Whoever drives a Node: its host, the watchdog, diagnostics, and the simulator."""
