"""A link: one direction of the network between two servers, with its own randomness and its own faults."""

from __future__ import annotations

from random import Random


class Link:
    """What messages from one server to another pass.

    Attributes:
        sender: The name of the server that sends.
        receiver: The name of the server that receives.
        name: Both names, as ``tom>jerry``.
        delay_draw: Draws a share of the delay's range for each message.
        fault_draw: Draws whether a message is lost, duplicated or held back.
        count: How many messages were sent.
        cuts: What cuts the link: ``partition``, ``one way``, both, or nothing.
        drops: The numbers of the messages that the scenario drops.
        open: Whether nothing cuts the link and the scenario drops none of its messages.
    """

    __slots__ = ("count", "cuts", "delay_draw", "drops", "fault_draw", "name", "open", "receiver", "sender")

    def __init__(self, seed: int, sender: str, receiver: str) -> None:
        """Create an open link.

        Two streams, because a fault of one message must not change the delay of the next.
        """
        self.sender, self.receiver = sender, receiver
        self.name = f"{sender}>{receiver}"
        self.delay_draw = Random(f"{seed}/delay/{self.name}").random
        self.fault_draw = Random(f"{seed}/faults/{self.name}").random
        self.count = 0
        self.cuts: set[str] = set()
        self.drops: set[int] = set()
        self.open = True

    def cut(self, why: str) -> None:
        """Let nothing through until this cut is mended."""
        self.cuts.add(why)
        self.open = False

    def mend(self, *why: str) -> None:
        """Undo these cuts."""
        self.cuts.difference_update(why)
        self.open = not self.cuts and not self.drops

    def drop(self, number: int) -> None:
        """Drop the message with this number, whether or not it has been sent."""
        self.drops.add(number)
        self.open = False

    def closed_to(self, number: int) -> str:
        """Return why a message cannot pass now; "" if it can. A copy's number is negative, and it fares as its message."""
        if self.cuts:
            return "cut"
        return "scenario" if abs(number) in self.drops else ""
