"""A process that has the engine loaded and forks it for one run after another (server), and its starter (client).

They talk over a socket that is the server's standard input. The server sends READY once it can take orders. An order is
one message: the run folder, a zero byte and the order's JSON, with descriptors: the one to answer on, then those of the
device slots.
"""

READY = b"ready"
