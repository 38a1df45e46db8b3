"""What drives a Node: its host, the watchdog, the diagnostics, the recorder, and the simulator."""
