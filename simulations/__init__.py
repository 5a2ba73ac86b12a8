"""Exercises: scenario, clock, injects, score."""
