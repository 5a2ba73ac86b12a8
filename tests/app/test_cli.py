import subprocess
import sys

import click
import pytest

from app.cli import COMMANDS, main
from app.status import sandbox
from layers.confinement import Protection


def spremnost(*arguments, **environ):
    command = [sys.executable, "-m", "app.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", **environ})


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_of_the_table_can_be_loaded_and_has_help(name):
    command = main.get_command(click.Context(main), name)
    assert command.name == name
    assert command.help


def test_help_lists_every_command():
    done = spremnost("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in COMMANDS)


def test_the_command_imports_nothing_heavy_before_it_knows_what_is_wanted():
    code = "import sys, app.cli; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"flask", "sqlalchemy", "numpy", "psycopg", "structlog", "gis", "foundation"} & set(loaded)


def test_wrong_usage_ends_with_2():
    assert spremnost("no-such-command").returncode == 2


def test_an_error_of_our_own_is_one_sentence_on_standard_error():
    done = spremnost("serve", SPREMNOST_PORT="-1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "SPREMNOST_PORT is '-1', but must be a number from 0 to 65535.\n"


def test_status_says_what_is_missing_without_starting_a_database(data_dir):
    done = spremnost("status", SPREMNOST_DATA_DIR=str(data_dir))
    assert done.returncode == 1
    assert done.stdout.startswith("Not ready: database.\n")
    assert list(data_dir.iterdir()) == []


def test_status_says_how_untrusted_files_are_read(data_dir):
    holds, missing = sandbox()
    told = spremnost("status", SPREMNOST_DATA_DIR=str(data_dir)).stdout
    assert f"The process that reads received files: {', '.join(holds)}." in told
    assert ("Not so on this machine" in told) == bool(missing)
    assert len(holds) + len(missing) == len(Protection)


@pytest.mark.slow
def test_the_database_stays_between_start_and_stop(data_dir):
    environ = {"SPREMNOST_DATA_DIR": str(data_dir)}
    assert spremnost("database", "status", **environ).returncode == 1
    assert spremnost("database", "start", **environ).returncode == 0
    try:
        assert spremnost("database", "migrate", **environ).returncode == 0
        assert spremnost("database", "status", **environ).returncode == 0
        asked = spremnost("database", "psql", "-Atc", "SELECT current_user", **environ)
        assert asked.stdout == "spremnost_owner\n"
    finally:
        assert spremnost("database", "stop", **environ).returncode == 0
    assert spremnost("database", "status", **environ).returncode == 1


@pytest.mark.slow
def test_a_command_that_needs_the_database_starts_it_and_leaves_it_as_it_was(data_dir):
    environ = {"SPREMNOST_DATA_DIR": str(data_dir)}
    assert spremnost("database", "migrate", **environ).returncode == 0
    assert spremnost("database", "status", **environ).returncode == 1


@pytest.mark.slow
def test_a_backup_moves_to_another_data_folder_by_two_commands(data_dir):
    here = {"SPREMNOST_DATA_DIR": str(data_dir / "here")}
    there = {"SPREMNOST_DATA_DIR": str(data_dir / "there")}
    file = data_dir / "one.spremnost"
    assert spremnost("database", "migrate", **here).returncode == 0
    made = spremnost("backup", str(file), **here)
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout.startswith("Backed up revision ")
    again = spremnost("backup", str(file), **here)
    assert again.returncode == 2
    assert "overwrites nothing" in again.stderr
    restored = spremnost("restore", str(file), **there)
    assert restored.returncode == 0, restored.stderr
    assert restored.stdout.startswith("Restored the state of ")
    assert (data_dir / "there" / "secret-key").read_text() == (data_dir / "here" / "secret-key").read_text()
    file.write_bytes(file.read_bytes()[:-100])
    damaged = spremnost("restore", str(file), **there)
    assert damaged.returncode == 2
    assert "is not a whole backup" in damaged.stderr
    assert "Traceback" not in damaged.stderr


@pytest.mark.slow
def test_the_migration_of_a_new_database_prints_an_administrator_s_password_once(data_dir):
    environ = {"SPREMNOST_DATA_DIR": str(data_dir)}
    first = spremnost("database", "migrate", **environ)
    assert "Sign in as administrator@localhost with the password " in first.stdout
    assert spremnost("database", "migrate", **environ).stdout == ""
    again = spremnost("people", "add-administrator", "ana@example.ba", **environ)
    assert again.stdout.startswith("Sign in as ana@example.ba with the password ")
    wrong = spremnost("people", "add-administrator", "ana", **environ)
    assert (wrong.returncode, wrong.stderr) == (2, "Enter an e-mail address such as name@example.org.\n")
