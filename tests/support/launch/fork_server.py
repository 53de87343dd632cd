"""The real fork server with fake engines: `-m tests.support.launch.fork_server MODE [MODULE…]`.

It loads the modules named, not torch.
"""

import sys

from labtui.launch.fork_server.server import main

ENGINE = "tests.support.launch.fake_engine"

if __name__ == "__main__":
    sys.exit(main(engine=(sys.executable, "-P", "-m", ENGINE, sys.argv[1]), modules=sys.argv[2:]))
