"""A process that has loaded the engine and forks one run after another, and the client that asks it to."""
