"""What a GPU gains, and whether its results are those of the CPU: `python dev.py gpu`."""
