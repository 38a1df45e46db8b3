"""Wrong Nodes for step 13: what is carried out twice, not at all, or differently on each server, and wrong answers."""

from dataclasses import field
from typing import ClassVar

from raft_steps import step_12_persistence as step_12
from raft_steps import step_13_client_sessions as step_13
from raft_steps.lab.commands import (
    Append,
    Command,
    CompareAndSet,
    Get,
    InSession,
    Mismatch,
    NotLeader,
    Ok,
    OpenSession,
    Request,
    Response,
    SessionExpired,
    Write,
)
from raft_steps.lab.log import Entry
from raft_steps.step_10_up_to_date_logs import RequestVote
from raft_steps.step_11_commit_index import AppendEntries


class NobodyIsNamed(step_13.Node):
    """A client is refused without a hint."""

    def on_client_request(self, client: str, request: Request) -> None:
        step_12.Node.on_client_request(self, client, request)


class FirstLeaderIsNamed(step_13.Node):
    """The first leader that was heard from is named for ever."""

    first: str | None = None

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        super().on_append_entries(sender, message)
        self.first = self.first or sender
        self.leader = self.first


class CandidateIsNamed(step_13.Node):
    """The server that this one has voted for is taken for the leader."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        super().on_request_vote(sender, message)
        self.leader = self.voted_for


class NamesItself(step_13.Node):
    """A leader notes itself as the leader, and names itself when it is deposed."""

    def become_leader(self) -> None:
        super().become_leader()
        self.leader = self.name


class EverythingIsCarriedOut(step_13.Node):
    """Sessions are opened, but serial numbers are not looked at."""

    def execute_once(self, command: InSession) -> Response:
        if command.session not in self.sessions:
            return SessionExpired()
        response = self.execute(command.command)
        self.sessions[command.session] = (command.serial, response)
        return response


class FilteredBeforeTheLog(step_13.Node):
    """The leader looks for a repeated command before it logs it, and nobody looks again when it is applied.

    Two copies that are in the log at the same time are both carried out, as in many a first attempt at MIT's lab.
    """

    def write(self, client: str, command: Command) -> None:
        if isinstance(command, InSession):
            serial, response = self.sessions.get(command.session, (0, Ok()))
            if command.serial == serial:
                self.reply(client, response)
                return
        super().write(client, command)

    def execute_once(self, command: InSession) -> Response:
        if command.session not in self.sessions or command.serial < self.sessions[command.session][0]:
            return SessionExpired()
        response = self.execute(command.command)
        self.sessions[command.session] = (command.serial, response)
        return response


class ResponseIsNotKept(step_13.Node):
    """A repeated command is not carried out again, but answered with a bare Ok."""

    def execute_once(self, command: InSession) -> Response:
        serial, _ = self.sessions.get(command.session, (0, Ok()))
        response = super().execute_once(command)
        return Ok() if command.serial == serial else response


class ResponseIsReadAgain(step_13.Node):
    """A repeated command is answered with what its key holds now."""

    def execute_once(self, command: InSession) -> Response:
        serial, _ = self.sessions.get(command.session, (0, Ok()))
        response = super().execute_once(command)
        if command.serial == serial and isinstance(command.command, Append):
            return Ok(value=self.state_machine.get(command.command.key))
        return response


class OnlySuccessIsKept(step_13.Node):
    """A command that found a mismatch is not remembered, and is tried again."""

    def execute_once(self, command: InSession) -> Response:
        before = self.sessions.get(command.session)
        response = super().execute_once(command)
        if isinstance(response, Mismatch) and before is not None:
            self.sessions[command.session] = before
        return response


class OneSerialForAll(step_13.Node):
    """Serial numbers of all sessions are compared with each other."""

    def execute_once(self, command: InSession) -> Response:
        known = max((serial for serial, _ in self.sessions.values()), default=0)
        if command.serial < known:
            return Ok()
        return super().execute_once(command)


class SessionOfTheKey(step_13.Node):
    """What was done is remembered by command: the same command with the next serial number counts as repeated."""

    done: dict[tuple[int, Write], Response] = field(default_factory=dict)

    def execute_once(self, command: InSession) -> Response:
        if command.session not in self.sessions:
            return SessionExpired()
        place = command.session, command.command
        if place not in self.done:
            self.done[place] = self.execute(command.command)
        return self.done[place]


class EqualCommandsAreRepeated(step_13.Node):
    """Without a session, two equal writes in a row count as one."""

    last: Command | None = None

    def apply(self, entry: Entry) -> None:
        if isinstance(entry.command, Append) and entry.command == self.last:
            self.responses[entry.index] = Ok()
            return
        self.last = entry.command
        super().apply(entry)


class OnlyTheLastIsRepeated(step_13.Node):
    """Only an equal serial number counts as repeated: an older one is carried out again, as if it were new."""

    def execute_once(self, command: InSession) -> Response:
        if command.session in self.sessions and command.serial != self.sessions[command.session][0]:
            self.sessions[command.session] = (0, Ok())
        return super().execute_once(command)


class AnySessionIsGood(step_13.Node):
    """A session that is not known is taken for a new one: what an expired session had done is done again."""

    def execute_once(self, command: InSession) -> Response:
        self.sessions.setdefault(command.session, (0, Ok()))
        return super().execute_once(command)


class NumbersHaveNoGaps(step_13.Node):
    """A command is carried out only if its number is the next one; after a gap, the last response is given again."""

    def execute_once(self, command: InSession) -> Response:
        serial, response = self.sessions.get(command.session, (0, None))
        if response is not None and command.serial > serial + 1:
            self.sessions[command.session] = (command.serial, response)
        return super().execute_once(command)


class FirstCommandOpens(AnySessionIsGood):
    """A session that is not known is opened by its first command, and refused for any other."""

    def execute_once(self, command: InSession) -> Response:
        if command.serial == 1:
            return super().execute_once(command)
        return step_13.Node.execute_once(self, command)


class SessionsNeverExpire(step_13.Node):
    """The table of sessions only grows."""

    def open_session(self, number: int) -> Response:
        response = Ok(value=str(number))
        self.sessions[number] = (0, response)
        return response


class OldestSessionExpires(step_13.Node):
    """The session that was opened first expires, even if it was used last."""

    def execute_once(self, command: InSession) -> Response:
        order = list(self.sessions)
        response = super().execute_once(command)
        self.sessions = {number: self.sessions[number] for number in order}
        return response


class ExpiresByItsTimer(step_13.Node):
    """Every server forgets a session that was not used for a minute, by its own timer: the logs are equal, the states are not."""

    def execute_once(self, command: InSession) -> Response:
        self.start_timer("session", 60)
        return super().execute_once(command)

    def on_session_timeout(self) -> None:
        self.sessions = {}


class SessionsOfALeader(step_13.Node):
    """A leader looks for repeated commands, and a follower carries out what it is told."""

    def execute_once(self, command: InSession) -> Response:
        if self.is_leader:
            return super().execute_once(command)
        return self.execute(command.command)


class ForgetsWhenItLeads(step_13.Node):
    """A new leader begins with empty sessions."""

    def become_leader(self) -> None:
        self.sessions = {}
        super().become_leader()


class SessionsAreOnDisk(step_13.Node):
    """Sessions survive a crash, and the state machine does not: all that was carried out counts as repeated."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term", "voted_for", "sessions")

    def open_session(self, number: int) -> Response:
        return Ok(value=str(number)) if number in self.sessions else super().open_session(number)


class StateIsOnDisk(step_13.Node):
    """The state machine survives a crash, and the sessions do not."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term", "voted_for", "state_machine")


class SessionIsTheLastOne(step_13.Node):
    """The number of a session is how many there are: two opened at once by different leaders may share it."""

    def open_session(self, number: int) -> Response:
        return super().open_session(1)


class AnswersBeforeTheCommit(step_13.Node):
    """A session is opened when the client asks, without waiting for its entry."""

    def write(self, client: str, command: Command) -> None:
        super().write(client, command)
        if isinstance(command, OpenSession) and client in self.open_writes:
            entry = self.open_writes.pop(client)
            self.reply(client, Ok(value=str(entry.index)))


class AppendReplaces(step_13.Node):
    """An append to a key that exists stores the new part alone."""

    def execute(self, command: Write | None) -> Response:
        if isinstance(command, Append):
            self.state_machine[command.key] = command.value
            return Ok(value=command.value)
        return super().execute(command)


class CompareAlwaysSets(step_13.Node):
    """A compare-and-set that finds another value says so, but stores its own."""

    def execute(self, command: Write | None) -> Response:
        response = super().execute(command)
        if isinstance(command, CompareAndSet):
            self.state_machine[command.key] = command.value
        return response


class MissingKeyMatches(step_13.Node):
    """A compare-and-set stores under a key that does not exist."""

    def execute(self, command: Write | None) -> Response:
        if isinstance(command, CompareAndSet):
            self.state_machine.setdefault(command.key, command.expected)
        return super().execute(command)


class ReadsAreRefusedWithoutAName(step_13.Node):
    """A follower names the leader to a client that writes, and not to one that reads."""

    def on_client_request(self, client: str, request: Request) -> None:
        if isinstance(request, Get) and not self.is_leader:
            self.reply(client, NotLeader())
        else:
            super().on_client_request(client, request)


class NoOpIsForgotten(step_13.Node):
    """A new leader no longer begins with an entry of its own."""

    def become_leader(self) -> None:
        super().become_leader()
        self.log.truncate_after(self.log.last_index - 1)


NAMED, ONLY_LEADERS = "a follower names the leader", "only a leader is named"
ONCE, FIRST_RESPONSE = "a command is carried out once", "a repeated command gets its first response"
APART, OLD, UNKNOWN = (
    "sessions are kept apart",
    "an old command is not carried out",
    "an unknown session is refused",
)
LEAST_USED, CLOCK = "the least recently used session expires", "sessions do not expire by a clock"
NUMBER, NEW_LEADER = "a session has a number of its own", "a new leader knows the sessions"
CRASH, COMMANDS = "a crash leaves no command twice or undone", "append and compare and set do what they say"

MISTAKES: tuple[tuple[type, str, str], ...] = (
    (NobodyIsNamed, NAMED, "answered"),
    (FirstLeaderIsNamed, NAMED, "answered"),
    (ReadsAreRefusedWithoutAName, NAMED, "answered"),
    (CandidateIsNamed, ONLY_LEADERS, "answered"),
    (NamesItself, ONLY_LEADERS, "answered"),
    (SessionIsTheLastOne, NUMBER, "answered"),
    (AnswersBeforeTheCommit, NUMBER, "answered"),
    (EverythingIsCarriedOut, ONCE, "answered"),
    (FilteredBeforeTheLog, ONCE, "answered"),
    (NumbersHaveNoGaps, ONCE, "answered"),
    (SessionOfTheKey, ONCE, "answered"),
    (ResponseIsNotKept, FIRST_RESPONSE, "answered"),
    (ResponseIsReadAgain, FIRST_RESPONSE, "answered"),
    (OnlySuccessIsKept, FIRST_RESPONSE, "answered"),
    (OneSerialForAll, APART, "answered"),
    (EqualCommandsAreRepeated, APART, "answered"),
    (OnlyTheLastIsRepeated, OLD, "answered"),
    (AnySessionIsGood, UNKNOWN, "answered"),
    (FirstCommandOpens, UNKNOWN, "answered"),
    (SessionsNeverExpire, LEAST_USED, "answered"),
    (OldestSessionExpires, LEAST_USED, "answered"),
    (ExpiresByItsTimer, CLOCK, "answered"),
    (SessionsOfALeader, NEW_LEADER, "answered"),
    (ForgetsWhenItLeads, NEW_LEADER, "answered"),
    (SessionsAreOnDisk, CRASH, "answered"),
    (StateIsOnDisk, CRASH, "answered"),
    (AppendReplaces, COMMANDS, "answered"),
    (CompareAlwaysSets, COMMANDS, "answered"),
    (MissingKeyMatches, COMMANDS, "answered"),
    (NoOpIsForgotten, "the rules of earlier steps still hold", "asked"),
)
