"""Entry point that a labtui 0.1.0 which outlives an upgrade starts: `python -m labtui.launch.warm`."""

import sys

from labtui.launch.fork_server.server import main

if __name__ == "__main__":
    sys.exit(main())
