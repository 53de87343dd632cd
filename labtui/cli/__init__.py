"""The command line: one module per family of commands, each imported when its command is called.

stdout is the answer, stderr is the talk, the exit code is the contract (`exits`). What a command needs beyond click is
imported inside it, so that `labtui ls` pays for no charts and `labtui --version` for nothing at all.
"""
