"""The operators' command, `spremnost`. Each subcommand is imported when it is called, so that none waits for others."""

from importlib import import_module

import click

# name -> (module:attribute, what it does)
COMMANDS = {
    "backup": ("app.cli.backup:backup", "Write database, files and secret key into one file."),
    "database": ("app.cli.database:database", "Start, stop, look at and migrate the database."),
    "demo": ("app.cli.demo:demo", "Fill an empty database with a made country."),
    "exposure": ("app.cli.exposure:exposure", "Count exposed people from files."),
    "layers": ("app.cli.layers:layers", "Bring layers of maps in, list them, take them out of use."),
    "people": ("app.cli.people:people", "Let somebody in who administers."),
    "restore": ("app.cli.backup:restore", "Put a backup in the place of an empty database."),
    "serve": ("app.cli.serve:serve", "Run everything: database, web server and worker."),
    "status": ("app.cli.status:status", "Say what works and what is missing."),
    "validate": ("app.cli.validate:validate", "Compare our numbers with published ones and with other tools."),
    "web": ("app.cli.serve:web", "Run the web server alone."),
    "worker": ("app.cli.serve:worker", "Run the worker alone."),
}


class Commands(click.Group):
    """Finds subcommands in the table; an error of our own ends as one sentence on standard error."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the table."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the subcommands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> object:
        """Runs the subcommand. Exit code 2: the request was wrong; 1: something else was."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:  # click would add two lines of usage to the sentence
            click.echo(error.format_message(), err=True)
            ctx.exit(error.exit_code)
        except Exception as error:
            from app.errors import KNOWN_ERRORS, exit_code_of

            if not isinstance(error, KNOWN_ERRORS):
                raise
            click.echo(str(error), err=True)
            ctx.exit(exit_code_of(error))


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="spremnost")
def main() -> None:
    """Flood and wildfire readiness for the municipalities of Bosnia and Herzegovina."""
