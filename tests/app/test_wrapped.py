"""No word that a person reads stands in a template, a script, a style or the code without a way to translate it."""

import ast
import re
from html.parser import HTMLParser
from itertools import chain

import pytest
from jinja2 import nodes

import equipment
import simulations
from app import factory  # noqa: F401  # with it, everything that can go wrong
from app.errors import AppError
from app.settings import CHECKOUT
from app.transliteration import LATIN_WORDS
from foundation.errors import FoundationError
from gis.errors import GisError
from layers.errors import LayersError
from tests.app.words import PACKAGES, extracted, jinja

TEMPLATES = sorted(path for path in (CHECKOUT / "app/templates").rglob("*.*"))
# Names that are the same in every language, units and signs.
ALLOWED = {word for word in LATIN_WORDS if not word.islower()} | {"XLSX", "m", "km", "cm", "kB"} | {"openapi", "json"}
ALLOWED |= {"Android", "Firefox", "Windows", "iPad", "iPhone"}


@pytest.fixture(scope="module")
def said():
    """Every text that is translated."""
    return {text for one in extracted() for text in (one if isinstance(one, tuple) else (one,))}


# --- templates -------------------------------------------------------------------------------------------------------


class Bare(HTMLParser):
    """Collects the words that stand in a page as they are."""

    SAID = frozenset(
        {"title", "alt", "placeholder", "aria-label", "aria-description", "aria-roledescription", "aria-valuetext"}
    ) | {"label", "data-confirm", "data-say"}

    def __init__(self):
        super().__init__()
        self.inside = []
        self.words = []

    def handle_starttag(self, tag, attrs):
        self.inside.append(tag)
        self.words += [value for name, value in attrs if name in self.SAID and value]
        given = dict(attrs)
        if tag == "input" and given.get("type") in {"submit", "button", "reset"}:
            self.words.append(given.get("value") or "")
        if tag == "meta" and given.get("name") == "description":
            self.words.append(given.get("content") or "")

    def handle_endtag(self, tag):
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data):
        if not {"style", "script", "code", "kbd", "samp"} & set(self.inside):
            self.words.append(data)


def shown(node):
    """What an expression of a template may put out as it is: the texts that are not handed to a function."""
    if isinstance(node, nodes.TemplateData):
        yield node.data
    elif isinstance(node, nodes.Const):
        yield f" {node.value} " if isinstance(node.value, str) else ""
    elif isinstance(node, nodes.CondExpr):
        yield from shown(node.expr1)
        yield from shown(node.expr2) if node.expr2 else ()
    elif isinstance(node, nodes.Concat):
        yield from chain.from_iterable(map(shown, node.nodes))
    elif isinstance(node, nodes.Or | nodes.And | nodes.Add):
        yield from shown(node.left)
        yield from shown(node.right)
    elif isinstance(node, nodes.Filter) and node.node is not None:
        yield from shown(node.node)


def written(node):
    """The page's own text, with what its expressions put out as it is."""
    if isinstance(node, nodes.Output):
        for part in node.nodes:
            yield from shown(part)
    else:
        for child in node.iter_child_nodes():
            yield from written(child)


def bare_words(template):
    reader = Bare()
    reader.feed("".join(written(jinja().parse(template))))
    return {word for text in reader.words for word in re.findall(r"[^\W\d_]+", text)} - ALLOWED


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(CHECKOUT / "app/templates")))
def test_no_template_says_anything_untranslated(path):
    assert bare_words(path.read_text()) == set()


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("<p>Save</p>", {"Save"}),
        ('<p title="Save">–</p>', {"Save"}),
        ('<input type="submit" value="Save">', {"Save"}),
        ("{{ 'Yes' if a else 'No' }}", {"Yes", "No"}),
        ("{{ a or 'none' }}", {"none"}),
        ("{{ 'kept' ~ a }}", {"kept"}),
        ("{% macro m(a) %}<b>{{ a }} left</b>{% endmacro %}{{ m('x') }}", {"left"}),
        ("{{ _('Save') }} {{ a|default(_('none')) }} <code>spremnost</code>", set()),
        ("<p class=\"{{ 'wide' if a else 'small' }}\"></p>", set()),
        ("{% trans %}Save{% endtrans %}", set()),
        ("{{ choose('a', b='c') }}", set()),
    ],
)
def test_bare_words_are_noticed_wherever_they_stand(template, found):
    assert bare_words(template) == found


# --- scripts and styles ----------------------------------------------------------------------------------------------

SCRIPTS = sorted(path for path in (CHECKOUT / "app/static").glob("*.*js"))
BARE_IN_SCRIPT = re.compile(
    r"""(["'`])[A-ZČĆŽŠĐ][a-zčćžšđ]+\ [^"'`]*\1"""  # a sentence
    r"""|(?:textContent|innerText|title|placeholder|ariaLabel|alt)\s*=\s*(["'`])[^"'`$]*[A-Za-z]"""
    r"""|(?:aria-label|title|alt|placeholder)["']\s*,\s*(["'`])[^"'`$]*[A-Za-z]"""
    r"""|\b(?:alert|confirm|prompt)\("""
)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_says_anything_untranslated(path):
    code = re.sub(r"/\*.*?\*/|(?<![:\"'])//[^\n]*", "", path.read_text(), flags=re.DOTALL)
    assert [match.group() for match in BARE_IN_SCRIPT.finditer(code)] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_write_numbers_and_times_as_the_page_tells_them(path):
    """A browser's own idea of Bosnian may be English."""
    code = path.read_text()
    asked = re.findall(r"Intl\.\w+Format\(\s*([\w.]*)", code)
    assert set(asked) <= {"document.documentElement.dataset.numbers"}
    assert "toLocale" not in code


def test_a_bare_sentence_of_a_script_is_noticed():
    for code in ('say("Nothing found here")', "b.textContent = 'Close'", 'b.setAttribute("aria-label", "Close")'):
        assert BARE_IN_SCRIPT.search(code), code
    for code in (
        'find("header details[open]")',
        "b.textContent = words.close",
        "`${name}: ${value}`",
        'key == "Enter"',
    ):
        assert not BARE_IN_SCRIPT.search(code), code


def test_no_style_says_anything():
    for path in (CHECKOUT / "app/static").glob("*.css"):
        contents = re.findall(r"content:\s*([\"'].*?[\"'])\s*[;}]", path.read_text())
        assert [text for text in contents if re.search(r"[^\W\d_]", text.replace("\\", ""))] == [], path.name


# --- code ------------------------------------------------------------------------------------------------------------

# What is not read on a page: the commands and their logs speak English, and so does the description of the interface
# for programs; names of this country are facts; the made country's layers are named like anybody's.
NOT_ON_PAGES = tuple(
    """
    app/api/ app/cli/ app/migrations/ app/backup.py app/demo.py app/demo_people.py app/first_run.py app/metrics.py
    app/restore.py app/serving.py app/transliteration.py app/upgrading.py foundation/database.py gis/table.py
    gis/validation.py layers/country.py layers/demo/
    """.split()  # noqa: SIM905
)
# Reasons that only who made the file can use, and what the standard library says of a value.
TECHNICAL = {"{} is not a colour like #1f78b4", "{} to {} does not rise", "{} is no number"}
TECHNICAL |= {"{} entries have a function of their own"}
STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|WITH|DROP|SET|GRANT|REVOKE|ALTER|DO|PREPARE|COPY)\b")
MODULES = [
    path
    for package in PACKAGES
    for path in sorted((CHECKOUT / package).rglob("*.py"))
    if not str(path.relative_to(CHECKOUT)).startswith(NOT_ON_PAGES)
]


def texts(code):
    """The texts of a module that are no documentation, those with values in them with {} in their place."""
    tree = ast.parse(code)
    left_out = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            left_out.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            left_out.update(node.values)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(v.value if isinstance(v, ast.Constant) else "{}" for v in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in left_out:
            yield node.value


def is_sentence(text):
    text = re.sub(r"<[^<>]*>", " ", text)
    return bool(
        re.search(r"[a-z]{2,} [a-z]{2,}", text)
        and re.match(r"[A-ZČĆŽŠĐ{]", text.strip())
        and not STATEMENT.match(text)
        and not re.search(r"\(\?|\[\^|\\[wsd]", text)  # a pattern
    )


def test_no_sentence_of_the_code_is_left_untranslated(said):
    bare = [
        f"{path.relative_to(CHECKOUT)}: {text}"
        for path in MODULES
        for text in texts(path.read_text())
        if is_sentence(text) and text not in said and text not in TECHNICAL
    ]
    assert bare == []


# What pages say to programs and not to people.
PROTOCOL = re.compile(
    "Accept|Authorization|Bearer |Cookie|Forwarded|Lax|Location|Origin|Via|View|Feature|FeatureCollection|Point|Polygon"
    "|Calibri|Flask|Dimension|Join"
)


def test_no_word_on_a_page_is_left_untranslated(said):
    bare = [
        f"{path.relative_to(CHECKOUT)}: {text}"
        for path in MODULES
        if re.match("app/(pages|exports)/", str(path.relative_to(CHECKOUT)))
        for text in texts(path.read_text())
        if re.fullmatch(r"[A-ZČĆŽŠĐ][a-zčćžšđ]{2,}(?:[ ,:][^{}]*)?", text)
        and text not in said
        and not PROTOCOL.fullmatch(text)
        and not STATEMENT.match(text)
    ]
    assert bare == []


def test_no_sentence_hides_in_a_formatted_text():
    """script/words does not look into f"{_('…')}"."""
    hidden = [
        f"{path.relative_to(CHECKOUT)}:{text.lineno}"
        for path in MODULES
        for text in ast.walk(ast.parse(path.read_text()))
        if isinstance(text, ast.JoinedStr)
        for call in ast.walk(text)
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", "") in {"_", "N_", "ngettext"}
        and isinstance(call.args[0], ast.Constant)
    ]
    assert hidden == []


def kinds(root):
    return [root, *chain.from_iterable(map(kinds, root.__subclasses__()))]


def test_whatever_can_go_wrong_is_said_in_words_that_are_translated(said):
    roots = [AppError, FoundationError, GisError, LayersError]
    for package in (equipment, simulations):
        roots += [v for v in vars(getattr(package, "errors", None) or package).values() if is_error(v)]
    ours = [kind for root in roots for kind in kinds(root) if kind.__module__.split(".")[0] in PACKAGES]
    assert len(ours) > 80
    assert [kind.__name__ for kind in ours if kind.text and kind.text not in said] == []


def is_error(thing):
    return isinstance(thing, type) and issubclass(thing, Exception) and hasattr(thing, "text")


def test_a_finding_is_told_in_words_that_can_be_extracted():
    """finding("code", "sentence") is read by script/words; a name in its place must be one that N_ marks."""
    bare = []
    for path in MODULES:
        tree = ast.parse(path.read_text())
        for call in ast.walk(tree):
            if not (isinstance(call, ast.Call) and getattr(call.func, "id", "") == "finding" and len(call.args) > 1):
                continue
            text = call.args[1]
            if isinstance(text, ast.JoinedStr | ast.BinOp) or (isinstance(text, ast.Call) and not is_marked(text)):
                bare.append(f"{path.name}:{call.lineno}")
    assert bare == []


def is_marked(call):
    return getattr(call.func, "id", "") == "N_"
