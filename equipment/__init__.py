"""Depots, stock, needs and loans."""
