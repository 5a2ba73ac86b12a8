"""What people see in the browser, one blueprint per subject."""

from app.pages.areas import areas
from app.pages.health import health
from app.pages.home import home
from app.pages.jobs import jobs
from app.pages.language import language
from app.pages.layers import layers
from app.pages.map import map_
from app.pages.status import status
from app.pages.table import table
from app.pages.tiles import tiles

BLUEPRINTS = (home, map_, areas, table, layers, jobs, status, language, tiles, health)
