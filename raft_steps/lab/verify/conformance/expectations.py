"""What a scenario file may expect: a time and a sentence.

expect 5 one leader               it is true at 5 s, just before the scenario's actions at that time
expect 5-7.5 one leader           it is true at some time from 5 s to 7.5 s, of ten that are checked

one leader                        of the servers in touch with a majority one leads, and no two lead in one term
tom leads in term 2               tom runs and leads, in term 2
nobody leads                      no server that runs leads
nobody elected since 4            no server has become leader since 4 s
another leader than at 4          there is one leader, and it is not the leader of 4 s
same leader as at 4               there is one leader, the same as at 4 s, and in the same term
higher term than at 4             there is one leader, in a later term than the leader of 4 s
one term                          all servers that run are in one term, and it is not 0
answered a=1                      a client that asked to set a to 1 was answered with Ok
refused a=1                       all clients that asked to set a to 1 were answered that the server does not lead
all have a=1                      on every server that runs, the entries that it has applied set a to 1
not committed a=1                 no server has applied `set a 1`, and no client was answered with Ok
nothing committed                 no server has applied a command
command 2 is a=1                  on every server that runs, the second command that it has applied is `set a 1`
not alone committed a=1           a server that has applied `set a 1` has applied an entry of a later term, too
all agree                         all servers that run have the same log, and have applied all of it
answered writes kept              every write that was answered with Ok is in the log of every server that runs
everybody answered                every client that has asked was answered, and not only with the name of a leader
changed tom,jerry                 a client that asked for the voters tom and jerry was answered with Ok
not changed tom,jerry             no client that asked for these voters was answered with Ok
members are tom,jerry             tom and jerry run, and the last configuration that each has applied has these voters
unread a                          no client that asked for a was answered with a value
appends once a                    on every server that runs, a holds each value that a client was told is appended, none
                                  twice, and those of one client in the order in which it sent them
logs at most 2000 bytes           no server's log has entries of more than 2,000 bytes; what a snapshot holds does not count
calls at most 30 since 2          at most 30 calls were sent since 2 s; answers do not count
bytes at most 900 since 2         at most 900 bytes were sent since 2 s
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from raft_steps.lab.commands import Append, Configuration, Get, Mismatch, NotLeader, Ok, Set, command_text, operation_of
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario.model import format_seconds, parse_seconds
from raft_steps.lab.text import nearest, plural
from raft_steps.lab.verify.conformance.snapshot import ClusterSnapshot

CHECKS_IN_WINDOW = 10  # as many as MIT's tester makes
TIME, NUMBER, WRITE = r"(\d+(?:\.\d+)?)", r"(\d+)", r"([^\s=]+)=(\S+)"

Snapshots = Mapping[int, ClusterSnapshot]
# Returns what is wrong, or "" if the sentence is true. The arguments are the present snapshot, all snapshots so far by
# their time, and the words that fill the blanks of the sentence.
SentenceCheck = Callable[[ClusterSnapshot, Snapshots, tuple[str, ...]], str]


@dataclass(frozen=True, slots=True)
class Expectation:
    """A sentence that must be true at a time, or at some time of a window.

    Attributes:
        start_us: The time, or the beginning of the window, in microseconds.
        end_us: The end of the window; equal to `start_us` for a single time.
        sentence: The sentence.
    """

    start_us: int
    end_us: int
    sentence: str

    def times(self) -> list[int]:
        """Return the times at which the sentence is checked, in microseconds."""
        if self.start_us == self.end_us:
            return [self.start_us]
        window_us = self.end_us - self.start_us
        return [self.start_us + number * window_us // (CHECKS_IN_WINDOW - 1) for number in range(CHECKS_IN_WINDOW)]

    def refers_to(self) -> list[int]:
        """Return the earlier times that the sentence compares with, in microseconds."""
        found = re.search(rf"(?:since|at) {TIME}$", self.sentence)
        return [parse_seconds(found.group(1))] if found else []

    def check(self, now: ClusterSnapshot, snapshots: Snapshots) -> str:
        """Return what is wrong; "" if the sentence is true.

        Args:
            now: The snapshot to check, which is that of the present moment.
            snapshots: All snapshots so far, by time in microseconds.
        """
        check, words = _read_sentence(self.sentence)
        return check(now, snapshots, words)

    def __str__(self) -> str:
        """Format it as a line of a scenario file."""
        window = "" if self.start_us == self.end_us else f"-{format_seconds(self.end_us)}"
        return f"expect {format_seconds(self.start_us)}{window} {self.sentence}"


def read_expectation(text: str) -> Expectation:
    """Parse what follows `expect` in a scenario file.

    Args:
        text: The time and the sentence, such as ``5 one leader`` or ``5-7.5 one leader``.

    Raises:
        ScenarioError: The time cannot be parsed, or there is no such sentence.
    """
    when, _space, sentence = text.strip().partition(" ")
    start, dash, end = when.partition("-")
    if not re.fullmatch(rf"{TIME}(?:-{TIME})?", when) or not sentence.strip():
        raise ScenarioError(f"expect {text}: the form is: expect SECONDS SENTENCE, or: expect FROM-TO SENTENCE")
    start_us, end_us = parse_seconds(start), parse_seconds(end if dash else start)
    if end_us < start_us or start_us < 1:
        raise ScenarioError(f"expect {text}: a time is above 0, and a window ends after it begins")
    found = Expectation(start_us, end_us, " ".join(sentence.split()))
    _read_sentence(found.sentence)
    if any(time_us > start_us for time_us in found.refers_to()):
        raise ScenarioError(f"expect {text}: it refers to a time that is still to come")
    return found


def _read_sentence(sentence: str) -> tuple[SentenceCheck, tuple[str, ...]]:
    for pattern, check in PATTERNS:
        found = pattern.fullmatch(sentence)
        if found:
            return check, found.groups()
    raise ScenarioError(f"there is no expectation {sentence!r}{nearest(sentence, SENTENCES)}")


def _at(snapshots: Snapshots, time: str) -> ClusterSnapshot:
    return snapshots[parse_seconds(time)]


def _one_leader(now: ClusterSnapshot, _snapshots: Snapshots, _words: tuple[str, ...]) -> str:
    return now.why_not_one_leader()


def _leads_in_term(now: ClusterSnapshot, _snapshots: Snapshots, words: tuple[str, ...]) -> str:
    if (words[0], int(words[1])) in now.leaders:
        return ""
    return "; ".join(f"{name} leads in term {term}" for name, term in now.leaders) or "nobody leads"


def _nobody_leads(now: ClusterSnapshot, _snapshots: Snapshots, _words: tuple[str, ...]) -> str:
    return f"{now.leaders[0][0]} leads" if now.leaders else ""


def _nobody_elected(now: ClusterSnapshot, _snapshots: Snapshots, words: tuple[str, ...]) -> str:
    since_us = parse_seconds(words[0])
    for time_us, name, term in now.observations.elections:
        if since_us <= time_us < now.time_us:
            return f"{name} has led in term {term} since {format_seconds(time_us)} s"
    return ""


def _another_leader(now: ClusterSnapshot, snapshots: Snapshots, words: tuple[str, ...]) -> str:
    before, leader = _at(snapshots, words[0]).leader, now.leader
    if leader is None or before is None:
        return now.why_not_one_leader() or "there was no leader then"
    return "" if leader[0] != before[0] else f"{leader[0]} leads again, or still"


def _same_leader(now: ClusterSnapshot, snapshots: Snapshots, words: tuple[str, ...]) -> str:
    before, leader = _at(snapshots, words[0]).leader, now.leader
    if leader is None or before is None:
        return now.why_not_one_leader() or "there was no leader then"
    return "" if leader == before else f"{leader[0]} leads in term {leader[1]}; it was {before[0]} in term {before[1]}"


def _higher_term(now: ClusterSnapshot, snapshots: Snapshots, words: tuple[str, ...]) -> str:
    before, leader = _at(snapshots, words[0]).leader, now.leader
    if leader is None or before is None:
        return now.why_not_one_leader() or "there was no leader then"
    return "" if leader[1] > before[1] else f"{leader[0]} leads in term {leader[1]}; it was term {before[1]} before"


def _one_term(now: ClusterSnapshot, _snapshots: Snapshots, _words: tuple[str, ...]) -> str:
    good = len(set(now.terms.values())) == 1 and 0 not in now.terms.values()
    return "" if good else "the terms are " + ", ".join(f"{name} {term}" for name, term in now.terms.items())


def _answered(now: ClusterSnapshot, _snapshots: Snapshots, words: tuple[str, ...]) -> str:
    answers = now.observations.answers(Set(key=words[0], value=words[1]))
    is_done = any(isinstance(answer, Ok) for answer in answers)
    return "" if is_done else f"no set {' '.join(words)} was answered with Ok"


def _refused(now: ClusterSnapshot, _snapshots: Snapshots, words: tuple[str, ...]) -> str:
    answers = now.observations.answers(Set(key=words[0], value=words[1]))
    if not answers:
        return f"no set {' '.join(words)} was answered"
    done = [answer for answer in answers if not isinstance(answer, NotLeader)]
    return f"the answer was {done[0]}" if done else ""


def _all_have(now: ClusterSnapshot, _snapshots: Snapshots, words: tuple[str, ...]) -> str:
    for name in now.running:
        value = now.value(name, words[0])
        if value != words[1]:
            return f"on {name} {words[0]} is {'not there' if value is None else value}"
    return "" if now.running else "no server runs"


def _not_committed(now: ClusterSnapshot, snapshots: Snapshots, words: tuple[str, ...]) -> str:
    if Set(key=words[0], value=words[1]) in now.observations.ever_applied:
        return f"a server has applied set {' '.join(words)}"
    return "" if _answered(now, snapshots, words) else f"a set {' '.join(words)} was answered with Ok"


def _nothing_committed(now: ClusterSnapshot, _snapshots: Snapshots, _words: tuple[str, ...]) -> str:
    return "a server has applied a command" if now.observations.ever_applied else ""


def _command_is(now: ClusterSnapshot, _snapshots: Snapshots, words: tuple[str, ...]) -> str:
    number, wanted = int(words[0]), Set(key=words[1], value=words[2])
    for name in now.running:
        commands = [entry.command for entry in now.applied(name) if entry.command is not None]
        if len(commands) < number or commands[number - 1] != wanted:
            return f"{name} has applied {'another command' if len(commands) >= number else 'fewer commands'}"
    return "" if now.running else "no server runs"


def _not_alone(now: ClusterSnapshot, _snapshots: Snapshots, words: tuple[str, ...]) -> str:
    command = Set(key=words[0], value=words[1])
    for name in now.running:
        entries = now.applied(name)
        for place, entry in enumerate(entries):
            if entry.command == command and all(later.term <= entry.term for later in entries[place:]):
                return f"{name} has applied set {' '.join(words)}, and no entry of a later term"
    return "" if now.running else "no server runs"


def _all_agree(now: ClusterSnapshot, _snapshots: Snapshots, _words: tuple[str, ...]) -> str:
    return now.why_no_agreement()


def _writes_kept(now: ClusterSnapshot, _snapshots: Snapshots, _words: tuple[str, ...]) -> str:
    for name in now.running:
        commands = {
            entry.command for entry in (*now.log(name), *now.applied(name))
        }  # What is applied may be compacted.
        for write in now.observations.answered_writes():
            if write not in commands:
                return f"the log of {name} lacks set {write.key} {write.value}, which was answered with Ok"
    return "" if now.running else "no server runs"


def _everybody_answered(now: ClusterSnapshot, _snapshots: Snapshots, _words: tuple[str, ...]) -> str:
    for client, request in now.observations.requests.items():
        if not isinstance(now.observations.responses.get(client), Ok | Mismatch):
            return f"{client} has no answer to {command_text(request)}"
    return ""


def _changed(now: ClusterSnapshot, _snapshots: Snapshots, words: tuple[str, ...]) -> str:
    answers = [
        now.observations.responses.get(client)
        for client, request in now.observations.requests.items()
        if isinstance(request, Configuration) and set(request.voters) == set(words[0].split(","))
    ]
    return "" if any(isinstance(answer, Ok) for answer in answers) else f"no change to {words[0]} was answered with Ok"


def _not_changed(now: ClusterSnapshot, snapshots: Snapshots, words: tuple[str, ...]) -> str:
    return "" if _changed(now, snapshots, words) else f"a change to {words[0]} was answered with Ok"


def _members_are(now: ClusterSnapshot, _snapshots: Snapshots, words: tuple[str, ...]) -> str:
    wanted = set(words[0].split(","))
    for name in sorted(wanted):
        if name not in now.running:
            return f"{name} does not run"
        commands = [entry.command for entry in now.applied(name) if isinstance(entry.command, Configuration)]
        if not commands or set(commands[-1].voters) != wanted or commands[-1].old_voters:
            return f"for {name} they are {command_text(commands[-1]) if commands else 'those of the start'}"
    return ""


def _unread(now: ClusterSnapshot, _snapshots: Snapshots, words: tuple[str, ...]) -> str:
    answers = [each for each in now.observations.answers(Get(key=words[0])) if isinstance(each, Ok)]
    return f"the answer to get {words[0]} was {answers[0].value}" if answers else ""


def _appends_once(now: ClusterSnapshot, _snapshots: Snapshots, words: tuple[str, ...]) -> str:
    by_client: dict[str, list[str]] = {}
    told: set[str] = set()
    for client, request in now.observations.requests.items():
        command = operation_of(request)
        if isinstance(command, Append) and command.key == words[0]:
            by_client.setdefault(client.partition("#")[0], []).append(command.value)
            if isinstance(now.observations.responses.get(client), Ok):
                told.add(command.value)
    for name in now.running:
        held = now.stored(name, words[0]) or ""
        for values in by_client.values():
            places = [(held.find(value), value) for value in values if value in held]
            if places != sorted(places):
                return f"{name} has the values of one client in another order: {held}"
        for value in (each for values in by_client.values() for each in values):
            if held.count(value) > 1 or (value in told and value not in held):
                return f"{name} has {value} {plural(held.count(value), 'time')}: {held}"
    return "" if now.running and told else "no server runs" if told else "no append was answered"


def _log_bytes(now: ClusterSnapshot, _snapshots: Snapshots, words: tuple[str, ...]) -> str:
    for name in now.running:
        size = now.log_bytes(name)
        if size > int(words[0]):
            return f"the entries in the log of {name} have {size:,}"
    return "" if now.running else "no server runs"


def _calls(now: ClusterSnapshot, snapshots: Snapshots, words: tuple[str, ...]) -> str:
    spent = now.calls - _at(snapshots, words[1]).calls
    return "" if spent <= int(words[0]) else f"there were {spent}"


def _bytes(now: ClusterSnapshot, snapshots: Snapshots, words: tuple[str, ...]) -> str:
    spent = now.bytes - _at(snapshots, words[1]).bytes
    return "" if spent <= int(words[0]) else f"there were {spent}"


SENTENCES: Mapping[str, SentenceCheck] = {
    "one leader": _one_leader,
    "NAME leads in term NUMBER": _leads_in_term,
    "nobody leads": _nobody_leads,
    "nobody elected since SECONDS": _nobody_elected,
    "another leader than at SECONDS": _another_leader,
    "same leader as at SECONDS": _same_leader,
    "higher term than at SECONDS": _higher_term,
    "one term": _one_term,
    "answered KEY=VALUE": _answered,
    "refused KEY=VALUE": _refused,
    "all have KEY=VALUE": _all_have,
    "not committed KEY=VALUE": _not_committed,
    "nothing committed": _nothing_committed,
    "command NUMBER is KEY=VALUE": _command_is,
    "not alone committed KEY=VALUE": _not_alone,
    "all agree": _all_agree,
    "answered writes kept": _writes_kept,
    "everybody answered": _everybody_answered,
    "changed VOTERS": _changed,
    "not changed VOTERS": _not_changed,
    "members are VOTERS": _members_are,
    "unread KEY": _unread,
    "appends once KEY": _appends_once,
    "logs at most NUMBER bytes": _log_bytes,
    "calls at most NUMBER since SECONDS": _calls,
    "bytes at most NUMBER since SECONDS": _bytes,
}
BLANKS = {
    "SECONDS": TIME,
    "NAME": r"(\w+)",
    "KEY": r"([^\s=]+)",
    "NUMBER": NUMBER,
    "KEY=VALUE": WRITE,
    "VOTERS": r"(\w+(?:,\w+)*)",
}
PATTERNS = tuple(
    (re.compile(" ".join(BLANKS.get(word, word) for word in form.split())), check) for form, check in SENTENCES.items()
)
