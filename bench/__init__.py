"""Measures the speed of labtui, compared with other programs: `python -m bench --help`."""
