"""Entry point that a labtui 0.1.0 which outlives an upgrade starts: `python -m labtui.launch.parent RUN_DIR ORDER`."""

import sys

from labtui.launch.supervisor import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
