"""Municipalities, the catalogue of layers, stored exposure."""
