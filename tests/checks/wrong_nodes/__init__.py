"""Deliberately wrong Nodes, in one module or two for each step: typical mistakes, each a small class.

The table MISTAKES at the end of a module names the check that should catch each Node, and the kind of event that it
marks as the first one that broke the rule.
"""
