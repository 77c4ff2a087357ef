"""What is run by hand: `python -m latentsync_lab.scripts.NAME --help`."""
