"""Real servers: a Node as a process, with TCP connections, a database on disk, and clients that speak Redis's protocol.

The Node is the same class that the simulator runs. The parts, from the inside out:

    server_host     the node of a life, and its disk
    engine          one turn: handle all that has arrived, store it in one transaction, then send and reply
    database        SQLite: the durable fields and the log's entries
    checkpointer    keeps the database's write-ahead log short, without making the server wait
    stored_data     reads a database that a server uses
    message_codec   messages as lines of JSON
    peer_link, peer_listener, hello   connections between servers
    redis_protocol, redis_commands, client_connection   connections of clients
    open_files      how many connections there may be
    limited_log     lines about connections, and a count of those that are too many
    process         a server process, from its options to its exit status
"""
