"""What a scenario file may expect: a time and a sentence, and how each sentence is judged.

expect 5 one leader               it holds at 5 s, just before what the scenario does at that time
expect 5-7.5 one leader           it holds at some time from 5 s to 7.5 s; ten looks decide

one leader                        of the servers that reach a majority one leads, and no two lead in one term
nobody leads                      no server that runs leads
nobody elected since 4            no server has begun to lead since 4 s
another leader than at 4          there is one leader, and it is not the one of 4 s
same leader as at 4               there is one leader, the one of 4 s, and in the same term
higher term than at 4             there is one leader, in a later term than that of 4 s
one term                          all servers that run are in one term, and it is not 0
answered a=1                      a client that asked to set a to 1 was told that it is done
refused a=1                       all that asked so were told that the server does not lead
all have a=1                      on every server that runs, what was carried out makes a 1
not committed a=1                 nobody has carried `set a 1` out, and no client was told that it is done
nothing committed                 nobody has carried a command out
command 2 is a=1                  on every server that runs, the second command that it carried out is `set a 1`
not alone committed a=1           whoever has carried `set a 1` out has carried out an entry of a later term, too
all agree                         all servers that run have one log, and have carried all of it out
answered writes kept              whatever a client was told is done is in the log of every server that runs
calls at most 30 since 2          no more calls were sent since 2 s; answers are free
bytes at most 900 since 2         no more bytes were sent since 2 s
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from raft_steps.lab.commands import NotLeader, Ok, Set
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario.model import format_seconds, parse_seconds
from raft_steps.lab.text import nearest
from raft_steps.lab.verify.conformance.snapshot import Look

LOOKS = 10  # in a window, as many as MIT's tester takes
TIME, NUMBER, WRITE = r"(\d+(?:\.\d+)?)", r"(\d+)", r"([^\s=]+)=(\S+)"

Looks = Mapping[int, Look]
# Says what is wrong, or "" if the sentence holds: the look, all looks by their time, and the words of the sentence.
Judge = Callable[[Look, Looks, tuple[str, ...]], str]


@dataclass(frozen=True, slots=True)
class Expectation:
    """A sentence that must hold at a time, or at some time of a window.

    Attributes:
        start: When, in microseconds.
        end: When the window ends; the same for a single time.
        sentence: The sentence.
    """

    start: int
    end: int
    sentence: str

    def times(self) -> list[int]:
        """Give the times at which somebody looks, those that the sentence refers to excepted."""
        if self.start == self.end:
            return [self.start]
        return [self.start + number * (self.end - self.start) // (LOOKS - 1) for number in range(LOOKS)]

    def refers_to(self) -> list[int]:
        """Give the earlier times that the sentence is about."""
        found = re.search(rf"(?:since|at) {TIME}$", self.sentence)
        return [parse_seconds(found.group(1))] if found else []

    def judge(self, look: Look, looks: Looks) -> str:
        """Say what is wrong at a look; "" if the sentence holds.

        Args:
            look: The look, which is taken now.
            looks: This look and all before it, by time in microseconds.
        """
        judge, words = _read_sentence(self.sentence)
        return judge(look, looks, words)

    def __str__(self) -> str:
        """Spell it as in a scenario file."""
        window = "" if self.start == self.end else f"-{format_seconds(self.end)}"
        return f"expect {format_seconds(self.start)}{window} {self.sentence}"


def read_expectation(text: str) -> Expectation:
    """Read what follows `expect` in a scenario file.

    Args:
        text: Such as ``5 one leader`` or ``5-7.5 one leader``.

    Raises:
        ScenarioError: It has no time, or there is no such sentence.
    """
    when, _space, sentence = text.strip().partition(" ")
    start, dash, end = when.partition("-")
    if not re.fullmatch(rf"{TIME}(?:-{TIME})?", when) or not sentence.strip():
        raise ScenarioError(f"expect {text}: the form is: expect SECONDS SENTENCE, or: expect FROM-TO SENTENCE")
    first, last = parse_seconds(start), parse_seconds(end if dash else start)
    if last < first or first < 1:
        raise ScenarioError(f"expect {text}: a time is above 0, and a window ends after it begins")
    found = Expectation(first, last, " ".join(sentence.split()))
    _read_sentence(found.sentence)
    if any(time > first for time in found.refers_to()):
        raise ScenarioError(f"expect {text}: it refers to a time that is still to come")
    return found


def _read_sentence(sentence: str) -> tuple[Judge, tuple[str, ...]]:
    for pattern, judge in PATTERNS:
        found = pattern.fullmatch(sentence)
        if found:
            return judge, found.groups()
    raise ScenarioError(f"nobody can judge {sentence!r}{nearest(sentence, JUDGES)}")


def _at(looks: Looks, time: str) -> Look:
    return looks[parse_seconds(time)]


def _one_leader(look: Look, _looks: Looks, _words: tuple[str, ...]) -> str:
    return look.why_not_one_leader()


def _nobody_leads(look: Look, _looks: Looks, _words: tuple[str, ...]) -> str:
    return f"{look.leaders[0][0]} leads" if look.leaders else ""


def _nobody_elected(look: Look, _looks: Looks, words: tuple[str, ...]) -> str:
    since = parse_seconds(words[0])
    for time, name, term in look.witness.elections:
        if since <= time < look.time:
            return f"{name} has led in term {term} since {format_seconds(time)} s"
    return ""


def _another_leader(look: Look, looks: Looks, words: tuple[str, ...]) -> str:
    before, now = _at(looks, words[0]).leader, look.leader
    if now is None or before is None:
        return look.why_not_one_leader() or "there was no leader then"
    return "" if now[0] != before[0] else f"{now[0]} leads again, or still"


def _same_leader(look: Look, looks: Looks, words: tuple[str, ...]) -> str:
    before, now = _at(looks, words[0]).leader, look.leader
    if now is None or before is None:
        return look.why_not_one_leader() or "there was no leader then"
    return "" if now == before else f"{now[0]} leads in term {now[1]}; it was {before[0]} in term {before[1]}"


def _higher_term(look: Look, looks: Looks, words: tuple[str, ...]) -> str:
    before, now = _at(looks, words[0]).leader, look.leader
    if now is None or before is None:
        return look.why_not_one_leader() or "there was no leader then"
    return "" if now[1] > before[1] else f"{now[0]} leads in term {now[1]}; it was term {before[1]} before"


def _one_term(look: Look, _looks: Looks, _words: tuple[str, ...]) -> str:
    good = len(set(look.terms.values())) == 1 and 0 not in look.terms.values()
    return "" if good else "the terms are " + ", ".join(f"{name} {term}" for name, term in look.terms.items())


def _answered(look: Look, _looks: Looks, words: tuple[str, ...]) -> str:
    answers = look.witness.answers(Set(key=words[0], value=words[1]))
    return (
        ""
        if any(isinstance(answer, Ok) for answer in answers)
        else f"no client was told that {'='.join(words)} is done"
    )


def _refused(look: Look, _looks: Looks, words: tuple[str, ...]) -> str:
    answers = look.witness.answers(Set(key=words[0], value=words[1]))
    good = answers and all(isinstance(answer, NotLeader) for answer in answers)
    return "" if good else f"the client heard {answers[0] if answers else 'nothing'}"


def _all_have(look: Look, _looks: Looks, words: tuple[str, ...]) -> str:
    for name in look.running:
        value = look.value(name, words[0])
        if value != words[1]:
            return f"on {name} {words[0]} is {'not there' if value is None else value}"
    return "" if look.running else "no server runs"


def _not_committed(look: Look, looks: Looks, words: tuple[str, ...]) -> str:
    if Set(key=words[0], value=words[1]) in look.witness.ever_applied:
        return f"a server has carried set {' '.join(words)} out"
    return "" if _answered(look, looks, words) else f"a client was told that {'='.join(words)} is done"


def _nothing_committed(look: Look, _looks: Looks, _words: tuple[str, ...]) -> str:
    return "a server has carried a command out" if look.witness.ever_applied else ""


def _command_is(look: Look, _looks: Looks, words: tuple[str, ...]) -> str:
    number, wanted = int(words[0]), Set(key=words[1], value=words[2])
    for name in look.running:
        commands = [entry.command for entry in look.carried_out(name) if entry.command is not None]
        if len(commands) < number or commands[number - 1] != wanted:
            return f"{name} has carried {'something else' if len(commands) >= number else 'nothing'} out there"
    return "" if look.running else "no server runs"


def _not_alone(look: Look, _looks: Looks, words: tuple[str, ...]) -> str:
    command = Set(key=words[0], value=words[1])
    for name in look.running:
        entries = look.carried_out(name)
        for place, entry in enumerate(entries):
            if entry.command == command and all(later.term <= entry.term for later in entries[place:]):
                return f"{name} has carried set {' '.join(words)} out, and no entry of a later term"
    return "" if look.running else "no server runs"


def _all_agree(look: Look, _looks: Looks, _words: tuple[str, ...]) -> str:
    return look.why_no_agreement()


def _writes_kept(look: Look, _looks: Looks, _words: tuple[str, ...]) -> str:
    for name in look.running:
        held = {entry.command for entry in look.log(name)}
        for write in look.witness.answered_writes():
            if write not in held:
                return f"{name} has no set {write.key} {write.value}, and a client was told that it is done"
    return "" if look.running else "no server runs"


def _calls(look: Look, looks: Looks, words: tuple[str, ...]) -> str:
    spent = look.calls - _at(looks, words[1]).calls
    return "" if spent <= int(words[0]) else f"there were {spent}"


def _bytes(look: Look, looks: Looks, words: tuple[str, ...]) -> str:
    spent = look.bytes - _at(looks, words[1]).bytes
    return "" if spent <= int(words[0]) else f"there were {spent}"


JUDGES: Mapping[str, Judge] = {
    "one leader": _one_leader,
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
    "calls at most NUMBER since SECONDS": _calls,
    "bytes at most NUMBER since SECONDS": _bytes,
}
BLANKS = {"SECONDS": TIME, "NUMBER": NUMBER, "KEY=VALUE": WRITE}
PATTERNS = tuple(
    (re.compile(" ".join(BLANKS.get(word, word) for word in form.split())), judge) for form, judge in JUDGES.items()
)
