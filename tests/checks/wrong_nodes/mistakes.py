"""Nodes with programming errors rather than errors of the protocol."""

import random
from collections.abc import Iterator
from typing import Any

from raft_steps import step_05_term_in_append_entries as step_05
from raft_steps import step_06_term_checks as step_06
from raft_steps.lab.messages import message
from raft_steps.step_05_term_in_append_entries import AppendEntries
from raft_steps.step_06_term_checks import AppendEntriesRefused

Right = step_06.Node


class EndlessLoop(Right):
    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        while message.term >= 0:
            self.current_term = message.term


class EndlessRecursion(Right):
    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.on_append_entries(sender, message)


class LoopAtStart(Right):
    def on_start(self) -> None:
        while self.random.randint(8, 18):
            pass


class Storm(Right):
    def on_start(self) -> None:
        self.start_timer("election", 0.000_001)

    def on_election_timeout(self) -> None:
        self.start_timer("election", 0.000_001)


class Exceptional(Right):
    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.current_term = message.term // len(message.entries)


class NotWrittenYet(Right):
    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        raise NotImplementedError


class WrongType(Right):
    def refuse_append_entries(self, to: str) -> None:
        self.send(to, AppendEntriesRefused(term=str(self.current_term)))  # type: ignore[arg-type]


class ForgottenArgument(Right):
    def refuse_append_entries(self, to: str) -> None:
        self.send(to, AppendEntriesRefused())  # type: ignore[call-arg]


class ClassIsSent(Right):
    def refuse_append_entries(self, to: str) -> None:
        self.send(to, AppendEntriesRefused)


class SentToNobody(Right):
    def refuse_append_entries(self, to: str) -> None:
        self.send("tyke", AppendEntriesRefused(term=self.current_term))


class MessageIsChanged(Right):
    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        message.term = self.current_term  # type: ignore[misc]


class MessageIsExtended(Right):
    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        message.seen = True  # type: ignore[attr-defined]


class EntryIsChanged(Right):
    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.log[1].term = message.term  # type: ignore[misc]


class LogIsChangedInPlace(Right):
    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.log[1] = self.log[0]


class LogIsAList(Right):
    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.log = list(message.entries)  # type: ignore[assignment]


class FieldIsForgotten(Right):
    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.calls_heard += 1  # type: ignore[attr-defined]


class FieldIsMisspelled(Right):
    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        assert self.curent_term >= 0  # type: ignore[attr-defined]


class FirstValueIsForgotten(Right):
    calls_heard: int


class MethodIsMissing(Right):
    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.become_folower()  # type: ignore[attr-defined]


class TimerHasNoHandler(Right):
    def on_start(self) -> None:
        super().on_start()
        self.start_timer("elections", 3)


class TimerHasNoTime(Right):
    def on_start(self) -> None:
        self.start_timer("election", -1)


class SomethingIsReturned(Right):
    def on_append_entries(self, sender: str, message: AppendEntries) -> bool:
        return message.term >= self.current_term


class HandlerIsAsync(Right):
    async def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.current_term = message.term


class HandlerYields(Right):
    def on_append_entries(self, sender: str, message: AppendEntries) -> Iterator[str]:
        yield sender


class SenderIsForgotten(Right):
    def on_append_entries(self, message: AppendEntries) -> None:
        self.current_term = message.term


class AddressIsShown(Right):
    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        raise ValueError(random.Random())


class ClientIsAnsweredTwice(Right):
    def on_start(self) -> None:
        super().on_start()
        self.reply("client#1", None)  # type: ignore[arg-type]


class PropertyFails(Right):
    @property  # type: ignore[misc]
    def current_term(self) -> int:
        return self.terms[-1]  # type: ignore[attr-defined, no-any-return]

    @current_term.setter
    def current_term(self, term: int) -> None:
        pass


class AnnotationIsForgotten(Right):
    """A right Node: the laboratory finds the message's class in the handler's module."""

    def on_append_entries(self, sender, message):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
        super().on_append_entries(sender, message)


class PlainMessage:
    """A message without @message."""

    term: int


PlainMessage.__name__ = "AppendEntries"


class MessageIsPlain(Right):
    def on_append_entries(self, sender: str, message: PlainMessage) -> None:
        self.current_term = message.term


@message
class WiderCall:
    """A call with an additional field, which no peer sends."""

    term: int
    prev_log_index: int
    prev_log_term: int
    entries: tuple[Any, ...]
    leader: str


WiderCall.__name__ = "AppendEntries"


class MessageHasMore(step_05.Node):
    def on_append_entries(self, sender: str, message: WiderCall) -> None:
        self.current_term = message.term
