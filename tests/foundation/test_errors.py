import pickle

import pytest

from foundation.errors import FigureChangedMeanwhile, FigureExists, FoundationError, NoSuchFigure, NoSuchSpace


def test_an_error_is_an_english_sentence_and_keeps_what_a_translation_needs():
    error = NoSuchSpace(slug="sava-2026")
    assert str(error) == "There is no space called sava-2026."
    assert (error.text, error.parameters) == ("There is no space called {slug}.", {"slug": "sava-2026"})


@pytest.mark.parametrize("kind", [NoSuchSpace, NoSuchFigure, FigureExists, FigureChangedMeanwhile])
def test_every_error_here_has_the_one_root(kind):
    assert issubclass(kind, FoundationError)


def test_an_error_survives_the_way_back_from_a_child_process():
    assert str(pickle.loads(pickle.dumps(NoSuchFigure(code="sphere.tea")))) == (  # noqa: S301
        "There is no figure sphere.tea in the reference tables."
    )
