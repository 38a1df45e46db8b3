"""Virtual time: agenda, links, timers, clients, fault injection, and the recorder."""
