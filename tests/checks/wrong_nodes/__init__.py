"""Deliberately wrong Nodes, one module for each step, or two: typical mistakes, each a small class.

The table MISTAKES at a module's end says of each Node which check is meant for it, and which kind of event that check
marks as the first one that broke the rule.
"""
