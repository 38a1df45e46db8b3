"""The laboratory: everything that is not the book.

It knows a node only by its events and effects (`raft_steps.lab.node`), and loads what is asked for when it is asked
for: a simulation and a picture need the standard library alone.
"""
