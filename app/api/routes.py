"""All modules of the interface; whoever takes the blueprint from here has their views in it."""

from app.api import areas, exposure, layers, notices, person
from app.api.blueprint import api

__all__ = [
    "api",
    "areas",
    "exposure",
    "layers",
    "notices",
    "person",
]
