"""Attempts of beginners at steps 1 to 4, each wrong in its own way: the methods that a cell of the notebook would have.

They are texts, because what matters is the method that somebody has typed; all else is the step's own.
"""

from tests.checks.attempts_at_elections import STEP_4

ATTEMPTS: dict[int, dict[str, str]] = {
    1: {
        "answers before it logs, and forgets to log": """
def write(self, client, command):
    self.reply(client, Ok())
    self.apply(self.next_entry(command))
""",
        "logs without applying": """
def write(self, client, command):
    self.log.append(self.next_entry(command))
    self.reply(client, Ok())
""",
        "applies the command to the dictionary, past apply": """
def write(self, client, command):
    self.log.append(self.next_entry(command))
    self.state_machine[command.key] = getattr(command, "value", None)
    self.reply(client, Ok())
""",
        "logs twice": """
def write(self, client, command):
    self.log.append(self.next_entry(command))
    entry = self.next_entry(command)
    self.log.append(entry)
    self.apply(entry)
    self.reply(client, Ok())
""",
        "applies the last entry before it appends the new one": """
def write(self, client, command):
    entry = self.next_entry(command)
    self.apply(self.log[self.log.last_index])
    self.log.append(entry)
    self.reply(client, Ok())
""",
        "replays all but the last entry": """
def replay_log(self):
    self.state_machine = {}
    for index in range(1, self.log.last_index):
        self.apply(self.log[index])
""",
        "replays backwards": """
def replay_log(self):
    self.state_machine = {}
    for entry in reversed(list(self.log)):
        self.apply(entry)
""",
        "replays the sets only": """
def replay_log(self):
    self.state_machine = {}
    for entry in self.log:
        if isinstance(entry.command, Set):
            self.apply(entry)
""",
        "empties after the replay": """
def replay_log(self):
    for entry in self.log:
        self.apply(entry)
    self.state_machine = {}
""",
        "replays through write": """
def replay_log(self):
    for entry in list(self.log):
        self.write("client#1", entry.command)
""",
        "makes a new log from the old one": """
def replay_log(self):
    entries, self.log = list(self.log), Log()
    for entry in entries:
        self.apply(entry)
""",
        "does not replay at the start": """
def on_start(self):
    self.current_term = self.log.last_term
""",
        "starts a new term with each start": """
def on_start(self):
    self.current_term = self.log.last_term + 1
    self.replay_log()
""",
        "takes the index for the term": """
def on_start(self):
    self.current_term = self.log.last_index
    self.replay_log()
""",
        "replays but keeps the term": """
def on_start(self):
    self.replay_log()
""",
        "answers writes with the state": """
def write(self, client, command):
    entry = self.next_entry(command)
    self.log.append(entry)
    self.apply(entry)
    self.reply(client, Ok(value=self.state_machine.get(command.key)))
""",
        "refuses to delete what is missing": """
def write(self, client, command):
    if isinstance(command, Delete) and command.key not in self.state_machine:
        return
    entry = self.next_entry(command)
    self.log.append(entry)
    self.apply(entry)
    self.reply(client, Ok())
""",
        "logs a write only if it changes something": """
def write(self, client, command):
    entry = self.next_entry(command)
    if self.state_machine.get(command.key) != getattr(command, "value", None):
        self.log.append(entry)
        self.apply(entry)
    self.reply(client, Ok())
""",
        "keeps one entry": """
def write(self, client, command):
    self.log.truncate_after(0)
    entry = self.next_entry(command)
    self.log.append(entry)
    self.apply(entry)
    self.reply(client, Ok())
""",
    },
    2: {
        "never refuses": """
def store_entries(self, prev_log_index, prev_log_term, entries):
    for entry in entries:
        if self.log.term_at(entry.index) != entry.term:
            self.log.truncate_after(entry.index - 1)
            self.log.append(entry)
    return True
""",
        "compares the index only": """
def store_entries(self, prev_log_index, prev_log_term, entries):
    if prev_log_index > self.log.last_index:
        return False
    for entry in entries:
        if self.log.term_at(entry.index) != entry.term:
            self.log.truncate_after(entry.index - 1)
            self.log.append(entry)
    return True
""",
        "compares with the last term": """
def store_entries(self, prev_log_index, prev_log_term, entries):
    if self.log.last_term != prev_log_term:
        return False
    for entry in entries:
        if self.log.term_at(entry.index) != entry.term:
            self.log.truncate_after(entry.index - 1)
            self.log.append(entry)
    return True
""",
        "accepts at the end only": """
def store_entries(self, prev_log_index, prev_log_term, entries):
    if (self.log.last_index, self.log.last_term) != (prev_log_index, prev_log_term):
        return False
    for entry in entries:
        self.log.append(entry)
    return True
""",
        "truncates always": """
def store_entries(self, prev_log_index, prev_log_term, entries):
    if self.log.term_at(prev_log_index) != prev_log_term:
        return False
    self.log.truncate_after(prev_log_index)
    for entry in entries:
        self.log.append(entry)
    return True
""",
        "truncates if there are entries": """
def store_entries(self, prev_log_index, prev_log_term, entries):
    if self.log.term_at(prev_log_index) != prev_log_term:
        return False
    if entries:
        self.log.truncate_after(prev_log_index)
    for entry in entries:
        self.log.append(entry)
    return True
""",
        "keeps what conflicts": """
def store_entries(self, prev_log_index, prev_log_term, entries):
    if self.log.term_at(prev_log_index) != prev_log_term:
        return False
    for entry in entries:
        if entry.index > self.log.last_index:
            self.log.append(entry)
    return True
""",
        "returns nothing for success": """
def store_entries(self, prev_log_index, prev_log_term, entries):
    if self.log.term_at(prev_log_index) != prev_log_term:
        return False
    for entry in entries:
        if self.log.term_at(entry.index) != entry.term:
            self.log.truncate_after(entry.index - 1)
            self.log.append(entry)
""",
        "is glad about heartbeats without a look": """
def on_append_entries(self, sender, message):
    success = not message.entries or self.store_entries(
        message.prev_log_index, message.prev_log_term, message.entries
    )
    self.answer_append_entries(sender, success, message.prev_log_index)
""",
        "answers with its last index": """
def on_append_entries(self, sender, message):
    success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
    self.answer_append_entries(sender, success, self.log.last_index)
""",
        "answers only refusals": """
def on_append_entries(self, sender, message):
    if not self.store_entries(message.prev_log_index, message.prev_log_term, message.entries):
        self.answer_append_entries(sender, False, message.prev_log_index)
""",
        "answers only successes": """
def on_append_entries(self, sender, message):
    if self.store_entries(message.prev_log_index, message.prev_log_term, message.entries):
        self.answer_append_entries(sender, True, message.prev_log_index)
""",
        "applies what it stores": """
def on_append_entries(self, sender, message):
    success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
    if success:
        for entry in message.entries:
            self.apply(entry)
    self.answer_append_entries(sender, success, message.prev_log_index)
""",
        "replays its log after each call": """
def on_append_entries(self, sender, message):
    success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
    self.replay_log()
    self.answer_append_entries(sender, success, message.prev_log_index)
""",
        "passes the entries on": """
def on_append_entries(self, sender, message):
    success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
    self.answer_append_entries(sender, success, message.prev_log_index)
    if message.entries:
        self.broadcast(message)
""",
        "becomes leader if nobody is": """
def on_append_entries(self, sender, message):
    success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
    self.answer_append_entries(sender, success, message.prev_log_index)
    self.is_leader = True
""",
        "tries again with everything": """
def on_append_entries_reply(self, sender, message):
    if not message.success:
        self.send(sender, self.append_entries_after(0))
""",
        "tries the same again": """
def on_append_entries_reply(self, sender, message):
    if not message.success:
        self.send(sender, self.append_entries_after(message.prev_log_index))
""",
        "tries again with everyone": """
def on_append_entries_reply(self, sender, message):
    if not message.success:
        self.broadcast(self.append_entries_after(self.index_before(message.prev_log_index)))
""",
        "tries again after a success": """
def on_append_entries_reply(self, sender, message):
    if message.success:
        self.send(sender, self.append_entries_after(self.index_before(message.prev_log_index)))
""",
        "goes back two entries": """
def on_append_entries_reply(self, sender, message):
    if not message.success:
        self.send(sender, self.append_entries_after(self.index_before(message.prev_log_index - 1)))
""",
        "gives up": """
def on_append_entries_reply(self, sender, message):
    pass
""",
        "deletes its own entry when it is refused": """
def on_append_entries_reply(self, sender, message):
    if not message.success:
        index = self.index_before(message.prev_log_index)
        call = self.append_entries_after(index)
        self.log.truncate_after(index)
        self.send(sender, call)
""",
    },
    3: {
        "counts refusals": """
def on_append_entries_reply(self, sender, message):
    for followers in self.acknowledgements.values():
        followers.add(sender)
    self.commit_acknowledged()
    if not message.success:
        self.send(sender, self.append_entries_after(self.index_before(message.prev_log_index)))
""",
        "counts for the newest write only": """
def on_append_entries_reply(self, sender, message):
    if message.success:
        if self.acknowledgements:
            list(self.acknowledgements.values())[-1].add(sender)
        self.commit_acknowledged()
    else:
        self.send(sender, self.append_entries_after(self.index_before(message.prev_log_index)))
""",
        "does not try again": """
def on_append_entries_reply(self, sender, message):
    if message.success:
        for followers in self.acknowledgements.values():
            followers.add(sender)
        self.commit_acknowledged()
""",
        "counts but does not commit": """
def on_append_entries_reply(self, sender, message):
    if message.success:
        for followers in self.acknowledgements.values():
            followers.add(sender)
    else:
        self.send(sender, self.append_entries_after(self.index_before(message.prev_log_index)))
""",
        "needs more than half of the followers": """
def commit_acknowledged(self):
    for client in list(self.open_writes):
        if 2 * len(self.acknowledgements[client]) > len(self.peers()):
            self.commit(client)
""",
        "needs half of the followers, rounded down": """
def commit_acknowledged(self):
    for client in list(self.open_writes):
        if len(self.acknowledgements[client]) >= len(self.peers()) // 2:
            self.commit(client)
""",
        "needs one follower": """
def commit_acknowledged(self):
    for client in list(self.open_writes):
        if self.acknowledgements[client] or not self.peers():
            self.commit(client)
""",
        "needs a majority of followers": """
def commit_acknowledged(self):
    for client in list(self.open_writes):
        if len(self.acknowledgements[client]) >= len(self.servers) // 2 + 1 or not self.peers():
            self.commit(client)
""",
        "commits one write at a time": """
def commit_acknowledged(self):
    for client in list(self.open_writes)[:1]:
        if 2 * len(self.acknowledgements[client]) >= len(self.peers()):
            self.commit(client)
""",
        "commits the newest first": """
def commit_acknowledged(self):
    for client in reversed(list(self.open_writes)):
        if 2 * len(self.acknowledgements[client]) >= len(self.peers()):
            self.commit(client)
""",
        "iterates over what it removes": """
def commit_acknowledged(self):
    for client in self.open_writes:
        if 2 * len(self.acknowledgements[client]) >= len(self.peers()):
            self.commit(client)
""",
        "applies the last entry instead": """
def on_commit_entry(self, sender, message):
    if message.index <= self.log.last_index:
        self.apply(self.log[self.log.last_index])
""",
        "trusts the index": """
def on_commit_entry(self, sender, message):
    self.apply(self.log[message.index])
""",
        "applies everything again": """
def on_commit_entry(self, sender, message):
    if message.index <= self.log.last_index:
        self.replay_log()
""",
        "applies only what comes before": """
def on_commit_entry(self, sender, message):
    if message.index < self.log.last_index:
        self.apply(self.log[message.index])
""",
        "appends it to the log as well": """
def on_commit_entry(self, sender, message):
    if message.index <= self.log.last_index:
        self.apply(self.log[message.index])
        self.log.truncate_after(message.index)
""",
        "commits for its own clients too": """
def on_commit_entry(self, sender, message):
    if message.index <= self.log.last_index:
        self.apply(self.log[message.index])
        self.announce_commit(message.index)
""",
    },
    4: STEP_4,
}
