"""What the tests of words need: every sentence there is, and templates taken apart."""

from babel.messages.extract import extract_from_dir
from jinja2 import Environment

from app.settings import CHECKOUT

PACKAGES = ("app", "equipment", "foundation", "gis", "layers", "simulations")
KEYWORDS = {"_": None, "gettext": None, "N_": None, "ngettext": (1, 2), "finding": (2,)}
METHODS = [("**.py", "python"), ("**/templates/**.*", "jinja2")]
OPTIONS = {"**/templates/**.*": {"silent": "false", "trimmed": "true"}}


def extracted():
    """Every sentence in the code and the templates: a text, or (one, many)."""
    for package in PACKAGES:
        found = extract_from_dir(
            CHECKOUT / package, method_map=METHODS, options_map=OPTIONS, keywords=KEYWORDS, strip_comment_tags=True
        )
        for _file, _line, message, _comments, _context in found:
            yield message


def jinja():
    """An environment that takes our templates apart."""
    return Environment(autoescape=True, extensions=["jinja2.ext.i18n", "jinja2.ext.do"])
