"""Entry point that a labtui 0.1.0 which outlives an upgrade starts: `python -m labtui.launch.runner ROOT [OPTION]`."""

import sys

from labtui.launch.fork_server.client import ForkServerPool
from labtui.launch.queue.runner import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], fork_servers=ForkServerPool()))
