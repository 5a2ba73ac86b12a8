"""`python -m app.cli` is `spremnost`."""

from app.cli import main

main(prog_name="spremnost")
