"""Attempts of beginners at step 4, as in `attempts`."""

STEP_4: dict[str, str] = {
    "votes for everyone": """
def on_request_vote(self, sender, message):
    self.voted_for = sender
    self.start_election_timer()
    self.answer_request_vote(sender, True)
""",
    "says nothing if it refuses": """
def on_request_vote(self, sender, message):
    if message.term > self.current_term and self.voted_for is None:
        self.voted_for = sender
        self.start_election_timer()
        self.answer_request_vote(sender, True)
""",
    "votes also in its own term": """
def on_request_vote(self, sender, message):
    vote_granted = message.term >= self.current_term and self.voted_for is None
    if vote_granted:
        self.voted_for = sender
        self.start_election_timer()
    self.answer_request_vote(sender, vote_granted)
""",
    "does not look at the term": """
def on_request_vote(self, sender, message):
    vote_granted = self.voted_for is None
    if vote_granted:
        self.voted_for = sender
        self.start_election_timer()
    self.answer_request_vote(sender, vote_granted)
""",
    "forgets for whom": """
def on_request_vote(self, sender, message):
    vote_granted = message.term > self.current_term and self.voted_for is None
    if vote_granted:
        self.start_election_timer()
    self.answer_request_vote(sender, vote_granted)
""",
    "does not wait after its vote": """
def on_request_vote(self, sender, message):
    vote_granted = message.term > self.current_term and self.voted_for is None
    if vote_granted:
        self.voted_for = sender
    self.answer_request_vote(sender, vote_granted)
""",
    "waits after every request": """
def on_request_vote(self, sender, message):
    vote_granted = message.term > self.current_term and self.voted_for is None
    self.start_election_timer()
    if vote_granted:
        self.voted_for = sender
    self.answer_request_vote(sender, vote_granted)
""",
    "stops its timer after its vote": """
def on_request_vote(self, sender, message):
    vote_granted = message.term > self.current_term and self.voted_for is None
    if vote_granted:
        self.voted_for = sender
        self.cancel_timer("election")
    self.answer_request_vote(sender, vote_granted)
""",
    "tells everyone": """
def on_request_vote(self, sender, message):
    vote_granted = message.term > self.current_term and self.voted_for is None
    if vote_granted:
        self.voted_for = sender
        self.start_election_timer()
    for peer in self.peers():
        self.answer_request_vote(peer, vote_granted)
""",
    "answers twice": """
def on_request_vote(self, sender, message):
    vote_granted = message.term > self.current_term and self.voted_for is None
    if vote_granted:
        self.voted_for = sender
        self.start_election_timer()
        self.answer_request_vote(sender, True)
    self.answer_request_vote(sender, vote_granted)
""",
    "stores the term as the vote": """
def on_request_vote(self, sender, message):
    vote_granted = message.term > self.current_term and self.voted_for is None
    if vote_granted:
        self.voted_for = message.term
        self.start_election_timer()
    self.answer_request_vote(sender, vote_granted)
""",
    "follows the candidate at once": """
def on_request_vote(self, sender, message):
    vote_granted = message.term > self.current_term and self.voted_for is None
    if vote_granted:
        self.voted_for = sender
        self.is_candidate = True
        self.start_election_timer()
    self.answer_request_vote(sender, vote_granted)
""",
    "counts every reply": """
def on_request_vote_reply(self, sender, message):
    self.votes.add(sender)
    if not self.is_leader and 2 * len(self.votes) >= len(self.servers):
        self.become_leader()
""",
    "counts its own vote twice": """
def on_request_vote_reply(self, sender, message):
    if message.vote_granted:
        self.votes.add(sender)
        if not self.is_leader and 2 * (len(self.votes) + 1) >= len(self.servers):
            self.become_leader()
""",
    "wins again and again": """
def on_request_vote_reply(self, sender, message):
    if message.vote_granted:
        self.votes.add(sender)
        if 2 * len(self.votes) >= len(self.servers):
            self.become_leader()
""",
    "wins with the last vote only": """
def on_request_vote_reply(self, sender, message):
    if message.vote_granted:
        self.votes.add(sender)
        if len(self.votes) == len(self.servers):
            self.become_leader()
""",
    "wins with exactly half": """
def on_request_vote_reply(self, sender, message):
    if message.vote_granted:
        self.votes.add(sender)
        if 2 * len(self.votes) == len(self.servers):
            self.become_leader()
""",
    "needs two votes": """
def on_request_vote_reply(self, sender, message):
    if message.vote_granted:
        self.votes.add(sender)
        if not self.is_leader and len(self.votes) >= 2:
            self.become_leader()
""",
    "leads without becoming leader": """
def on_request_vote_reply(self, sender, message):
    if message.vote_granted:
        self.votes.add(sender)
        if not self.is_leader and 2 * len(self.votes) >= len(self.servers):
            self.is_leader = True
            self.send_heartbeat()
""",
    "gives up when it is refused": """
def on_request_vote_reply(self, sender, message):
    if message.vote_granted:
        self.votes.add(sender)
        if not self.is_leader and 2 * len(self.votes) >= len(self.servers):
            self.become_leader()
    else:
        self.cancel_timer("election")
        self.is_candidate = False
""",
    "runs again when it is refused": """
def on_request_vote_reply(self, sender, message):
    if message.vote_granted:
        self.votes.add(sender)
        if not self.is_leader and 2 * len(self.votes) >= len(self.servers):
            self.become_leader()
    else:
        self.start_election()
""",
    "restarts its timer only for entries": """
def on_append_entries(self, sender, message):
    if message.entries:
        self.start_election_timer()
    super(step.Node, self).on_append_entries(sender, message)
""",
    "stops its timer while a leader calls": """
def on_append_entries(self, sender, message):
    self.cancel_timer("election")
    super(step.Node, self).on_append_entries(sender, message)
""",
    "restarts its timer and stores nothing": """
def on_append_entries(self, sender, message):
    self.start_election_timer()
""",
    "waits eight seconds": """
def on_append_entries(self, sender, message):
    self.start_timer("election", 8)
    super(step.Node, self).on_append_entries(sender, message)
""",
    "votes for each caller": """
def on_append_entries(self, sender, message):
    self.voted_for = sender
    super().on_append_entries(sender, message)
""",
}
