"""A real server, in this process, that is fed whatever clients and strangers may send.

inputs      draws the bytes, from a seed
session     feeds them to a server, through connections that are not real
__main__    the command: ``python -m tests.runtime.server.fuzz --inputs 1000000``
"""
