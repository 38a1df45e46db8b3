"""The one object that notebooks work with, and experiments measured over many of them."""
