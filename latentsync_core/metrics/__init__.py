"""Measures of a result: synchrony with the sound."""
