"""What `python -m bench` measures: each module has a function `tables`. They run in the parent process."""
