"""The real warm process with stand-in engines: `stand_in_warm.py MODE [MODULE…]`; it loads the modules, not torch."""

import sys
from pathlib import Path

from labtui.launch.fork_server.server import main

sys.path.insert(0, str(Path(__file__).parent))

if __name__ == "__main__":
    sys.exit(main(engine=(sys.executable, "-P", "-m", "stand_in_engine", sys.argv[1]), modules=sys.argv[2:]))
