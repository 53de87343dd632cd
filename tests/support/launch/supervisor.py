"""The real supervisor with a fake engine: `supervisor.py MODE RUN_DIR ORDER`."""

import sys
from pathlib import Path

from labtui.launch.supervisor import main

ENGINE = Path(__file__).with_name("fake_engine.py")

if __name__ == "__main__":
    sys.exit(main(sys.argv[2:], engine=(sys.executable, "-I", "-S", str(ENGINE), sys.argv[1])))
