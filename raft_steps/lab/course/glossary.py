"""The words of the course, each with a definition and the step in which a learner meets it."""

from __future__ import annotations

from typing import NamedTuple


class Word(NamedTuple):
    """One word of the glossary.

    Attributes:
        step: The first step that needs it.
        name: The word.
        meaning: What it means, as a phrase that can follow "is".
    """

    step: int
    name: str
    meaning: str


GLOSSARY = (
    Word(1, "command", "what a client wants to be changed, such as set x 1"),
    Word(1, "log", "a server's list of entries, in the order in which they are to be applied; it survives a crash"),
    Word(1, "entry", "a place in a log: an index, the term in which a leader received it, and a command"),
    Word(1, "index", "the number of an entry in its log, from 1; index 0 is the first entry that all logs share"),
    Word(1, "state machine", "what the commands change, here a table of keys and values; it is lost in a crash"),
    Word(1, "apply", "to carry out an entry's command on the state machine"),
    Word(1, "term", "a period with at most one leader, counted from 0; the newer term is the higher number"),
    Word(1, "replay", "to apply a log from its first entry on, to an empty state machine"),
    Word(2, "cluster", "all servers that keep the same log, three in most examples"),
    Word(2, "leader", "the server that receives the clients' writes, and whose log the others copy"),
    Word(2, "follower", "a server that stores what its leader sends"),
    Word(2, "heartbeat", "a call of the leader without new entries, sent regularly to show that it is there"),
    Word(2, "previous entry", "the entry before those that a call carries; a follower without it refuses the call"),
    Word(3, "majority", "more than half of the servers; two majorities always have a server in common"),
    Word(3, "acknowledge", "to answer that an entry is stored (a follower), or that a write is done (a leader)"),
    Word(3, "committed", "on so many servers that it stays in every future leader's log; step 11 says exactly when"),
    Word(4, "election timeout", "how long a server waits for a leader before it wants to become one"),
    Word(4, "candidate", "a server that asks for votes"),
    Word(4, "vote", "a server's promise to support one candidate"),
    Word(4, "partition", "a network that is cut into parts, so that messages arrive only within a part"),
    Word(6, "refusal", "the answer to a call of an older term: the current term, and nothing else happens"),
    Word(6, "step down", "to become a follower, as a leader or candidate that hears of another leader"),
    Word(8, "split vote", "an election in which no candidate has enough votes"),
    Word(10, "up to date", "said of a log whose last entry has a newer term, or the same term and a higher index"),
    Word(11, "commit index", "the highest index that a server knows to be committed"),
    Word(11, "match index", "the highest index up to which a leader knows a follower's log to be its own"),
    Word(12, "durable", "on disk before anything is sent, and so still there after a crash"),
    Word(13, "session", "what the servers know of one client: the number of its last command, and the response to it"),
    Word(13, "serial number", "the number that a client gives a command, one higher than that of the one before"),
    Word(14, "round", "one call to every follower; who answers it had not entered a newer term when the call arrived"),
    Word(
        14,
        "linearizable",
        "said of clients' requests that look as if each were carried out at one moment between question and answer",
    ),
    Word(15, "batch", "the entries that share one call"),
    Word(15, "pipelining", "to send the next call before the last one is answered"),
    Word(15, "window", "how many entries may be on their way to a follower that has not answered"),
    Word(16, "snapshot", "the state that follows from the first entries of a log, stored in their place"),
    Word(16, "compact", "to let a snapshot take the place of entries that are applied"),
)
