"""`spremnost demo`: a made country to look around in."""

import click


@click.command()
def demo() -> None:
    """Fill an empty database with a made country: real names and census, illustrative everything else.

    Takes about two minutes. Nothing in it is for operations; real layers replace it one by one.
    """
    from app import demo as country
    from app.cli.layers import running_database

    with running_database() as (database, settings):
        country.make(database, settings.data_dir, tell=lambda sentence: click.echo(sentence, err=True))
