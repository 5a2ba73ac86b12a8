"""The containers as they are described; no Docker is needed to read that."""

import re
import shutil
import subprocess

import pytest
import yaml

from app.settings import CHECKOUT

COMPOSE = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
SERVER_OF = {"bookworm": 15, "trixie": 17}  # Debian -> its PostgreSQL
ENVIRON = {"SPREMNOST_OWNER_PASSWORD": "a", "SPREMNOST_APP_PASSWORD": "b", "SPREMNOST_SECRET_KEY": "c" * 32}


def test_there_are_a_database_a_migration_a_web_server_and_a_worker():
    assert SERVICES.keys() == {"database", "migrate", "web", "worker"}


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_runs_as_root_or_can_become_it(name):
    service = SERVICES[name]
    assert service["user"] not in {"root", "0"}
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["read_only"] is True


@pytest.mark.parametrize("name", ["database", "web", "worker"])
def test_every_service_that_stays_has_a_health_check_and_is_started_again(name):
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_only_the_web_server_is_published_and_only_on_this_machine():
    assert [name for name in SERVICES if "ports" in SERVICES[name]] == ["web"]
    assert SERVICES["web"]["ports"] == ["127.0.0.1:8000:8000"]


def test_web_and_worker_wait_for_the_migration_and_that_for_a_healthy_database():
    for name in ("web", "worker"):
        assert SERVICES[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert SERVICES["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}


def test_the_migration_is_what_makes_the_first_administrator():
    assert SERVICES["migrate"]["command"] == ["spremnost", "database", "migrate"]
    assert SERVICES["migrate"]["restart"] == "no"


def test_data_lives_in_named_volumes():
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service["volumes"]}
    assert used - {"./docker/create-app-role.sh"} == COMPOSE["volumes"].keys() == {"data", "database"}


def test_no_secret_is_written_down():
    environment = {key: value for service in SERVICES.values() for key, value in service["environment"].items()}
    secrets = {key: value for key, value in environment.items() if re.search("PASSWORD|KEY|DATABASE_URL", key)}
    optional = {"SPREMNOST_METRICS_KEY"}
    assert secrets.keys() > optional
    assert all("${SPREMNOST_" in value for value in secrets.values())
    assert all(":?}" in value for key, value in secrets.items() if key not in optional)


def test_the_example_environment_names_what_is_needed():
    lines = (CHECKOUT / ".env.example").read_text().splitlines()
    assert {line.rstrip("=") for line in lines if line and not line.startswith("#")} == ENVIRON.keys()


def test_the_database_is_of_the_version_whose_pg_dump_the_image_brings():
    release = re.search(r"FROM debian:(\w+)-slim", (CHECKOUT / "Dockerfile").read_text())[1]
    assert SERVICES["database"]["image"].startswith(f"postgis/postgis:{SERVER_OF[release]}-")


def test_the_image_is_made_by_the_same_scripts_and_does_not_run_as_root():
    lines = (CHECKOUT / "Dockerfile").read_text().splitlines()
    assert any(line.startswith("RUN script/packages") for line in lines)
    assert "RUN script/bootstrap run" in lines
    assert "USER spremnost" in lines


def compose():
    """The client: Docker's plugin, or the program of its own that Debian packages."""
    for client in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(client[0]) and not subprocess.run([*client, "version"], capture_output=True).returncode:
            return client
    return None


@pytest.mark.skipif(compose() is None, reason="there is no docker compose here")
def test_docker_compose_understands_the_file():
    command = [*compose(), "--file", str(CHECKOUT / "docker-compose.yml"), "config", "--quiet"]
    subprocess.run(command, env={"PATH": "/usr/local/bin:/usr/bin:/bin", **ENVIRON}, check=True)
