"""The exceptions of the laboratory; each message is written for the reader of a notebook.

    LabError
      ScenarioError       a scenario that cannot be read or carried out
      MessageError        a text or an object that is not the message it should be
      LogError            a log used in a way that would break it
      NodeError           a Node (a step's, or a learner's) that raised, hung or returned something
      EventBudgetError    a run that does not settle: a storm of messages
      MissingStepError    a step that the course, or this edition of it, does not have
      NodeLoadError       a file from which no Node class can be loaded
      SourceError         a class whose source cannot be found, parsed or flattened
      ServerError         a real server that cannot start, go on, or be reached
      HistoryError        a history of operations that cannot be read, written or checked
      NotTextError        a file that is not text in UTF-8
      WorkerError         a process that shares the work has ended, for example because there is too little memory

A notebook shows a LabError as its message alone, since the laboratory's own frames do not help the reader.
"""

from __future__ import annotations


class LabError(Exception):
    """The base of every error that the laboratory raises on purpose."""

    def _render_traceback_(self) -> list[str]:
        """Return what IPython prints instead of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class ScenarioError(LabError):
    """A scenario that cannot be read or carried out; the message says which part and what would be right."""


class MessageError(LabError):
    """A text or an object that is not the message it claims to be; the message names the field."""


class LogError(LabError):
    """A log is used in a way that would break it."""


class NodeError(LabError):
    """A Node raised, hung or returned something; the message names the server, the handler and the line.

    Attributes:
        server: The server whose Node it was.
        handler: The handler that was running, such as ``on_append_entries``.
    """

    def __init__(self, message: str, *, server: str = "", handler: str = "") -> None:
        """Store the message, the server and its handler."""
        super().__init__(message)
        self.server = server
        self.handler = handler


class MissingStepError(LabError, LookupError):
    """There is no such step, or it is not in this edition of the course."""


class NodeLoadError(LabError):
    """No Node class can be loaded from a file; the message says why, with the line of the file where there is one."""


class EventBudgetError(LabError):
    """A run has used up its budget of events, for example because servers send without end."""


class SourceError(LabError):
    """The source of a Node cannot be found, parsed or flattened; the message says why."""


class HistoryError(LabError):
    """A history of operations cannot be read, written or checked; the message says where and why."""


class ServerError(LabError):
    """A real server cannot start, go on, or be reached; the message says why, and what to do."""


class NotTextError(LabError):
    """A file is not text in UTF-8; the message names the file and what it should hold."""


class WorkerError(LabError):
    """A process that shares the work has ended before it was done, so there is no result."""
