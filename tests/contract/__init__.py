"""Tests of the modules at the top of the laboratory: what a Node is built on."""
