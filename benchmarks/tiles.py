"""Map tiles through the real server, against titiler, tipg and pgbench, on the demonstration country in one run.

python benchmarks/tiles.py [--quick]

Hazard tiles: the 1-in-100 flood, tiles of zooms 6 to 10 in which there is water, each asked once ("first"), then again
("kept": the server has drawn them before); titiler draws the same tiles from the same COG, with two workers and its
recommended GDAL settings. Our overview keeps the maximum, so that narrow floods stay visible; titiler's shows what the
COG's own overviews hold. Vector tiles: the municipalities' boundaries, nothing kept, against pgbench running the same
statement on the same database, and against tipg on the table of boundaries. Prints a table and, as the last line, one
JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))
DATA = CHECKOUT / "var" / "benchmarks" / "tiles"
CLIENTS = 4

TITILER = """
from fastapi import FastAPI
from titiler.core.factory import TilerFactory
app = FastAPI()
app.include_router(TilerFactory().router)
"""
GDAL = {
    "GDAL_CACHEMAX": "200",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",
    "VSI_CACHE": "TRUE",
    "VSI_CACHE_SIZE": "5000000",
}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def running(command: Sequence[str], port: int, path: str, **environ: str) -> Iterator[None]:
    """A server, from when it answers the path with 200."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 90
        while True:
            try:
                if ask(port, [path])[0][0] == 200:
                    break
            except OSError:
                pass
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{' '.join(command[1:])} does not answer")
            time.sleep(0.2)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def ask(port: int, paths: Sequence[str], cookie: str = "") -> list[tuple[int, float]]:
    """(status, seconds) of each path, one after the other on one connection."""
    answers = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for path in paths:
            start = time.perf_counter()
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n".encode())
            data = b""
            while b"\r\n\r\n" not in data:
                more = connection.recv(65536)
                if not more:
                    raise OSError("closed")
                data += more
            head, _, body = data.partition(b"\r\n\r\n")
            head = head.lower()
            status = int(head.split(b" ", 2)[1])
            found = re.search(rb"content-length: (\d+)", head)
            if found:
                left = int(found[1]) - len(body)
                while left > 0:
                    left -= len(connection.recv(min(left, 65536)))
            elif b"chunked" in head:
                while not body.endswith(b"0\r\n\r\n"):
                    body += connection.recv(65536)
            answers.append((status, time.perf_counter() - start))
    return answers


def _client(arguments: tuple[int, list[str], str]) -> list[tuple[int, float]]:
    return ask(*arguments)


def load(port: int, paths: Sequence[str], cookie: str = "") -> tuple[float, list[float]]:
    """(answers per second, seconds of each answer) with CLIENTS clients that share the paths."""
    shares = [(port, list(paths[i::CLIENTS]), cookie) for i in range(CLIENTS)]
    with multiprocessing.get_context("fork").Pool(CLIENTS) as pool:
        pool.map(_client, [(port, list(paths[:1]), cookie)] * CLIENTS)
        start = time.perf_counter()
        answers = [a for part in pool.map(_client, shares, chunksize=1) for a in part]
        seconds = time.perf_counter() - start
    wrong = [status for status, _ in answers if status not in (200, 204)]
    if wrong:
        raise SystemExit(f"{len(wrong)} of {len(answers)} answers were wrong: {wrong[0]}")
    return len(answers) / seconds, [s for _, s in answers]


def tile_of(longitude: float, latitude: float, zoom: int) -> tuple[int, int]:
    n = 1 << zoom
    y = math.asinh(math.tan(math.radians(latitude)))
    return int((longitude + 180) / 360 * n), int((1 - y / math.pi) / 2 * n)


def country_tiles(zooms: Sequence[int]) -> list[tuple[int, int, int]]:
    found = []
    for zoom in zooms:
        left, top = tile_of(15.7, 45.3, zoom)
        right, bottom = tile_of(19.65, 42.55, zoom)
        found += [(zoom, x, y) for x in range(left, right + 1) for y in range(top, bottom + 1)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    environ = {"SPREMNOST_DATA_DIR": str(DATA), "SPREMNOST_DEMO": "off", "SPREMNOST_LOG_LEVEL": "ERROR"}
    os.environ.update(environ)
    spremnost = [sys.executable, "-m", "app.cli"]
    if not (DATA / "made").exists():
        print("Making the demonstration country, once", file=sys.stderr)
        subprocess.run([*spremnost, "demo"], check=True, stderr=subprocess.DEVNULL)
        (DATA / "made").touch()

    from sqlalchemy import make_url

    from app.cli.layers import running_database
    from app.importing import file_store
    from app.settings import libpq_url
    from app.tilestore import BOUNDARIES, QUERIES
    from benchmarks.door import cookie
    from gis.tiles import Pyramid
    from layers import catalogue
    from layers.catalogue import Kind

    random.seed(2014)
    with running_database() as (database, settings):
        with database.without_space() as session:
            flood = next(v for v in catalogue.shown(session, Kind.FLOOD_DEPTH) if v.layer.return_period_years == 100)
            boundaries = catalogue.shown(session, Kind.MUNICIPALITIES)[0].id
        mine = cookie(database)
        store = file_store(settings.data_dir)
        cog = store.path(flood.facts["files"]["cog"])
        pyramid = Pyramid.open(store.path(flood.facts["files"]["pyramid"]))
        wet = [t for t in country_tiles(range(6, 11)) if pyramid.tile(*t) is not None]
        random.shuffle(wet)
        port = free_port()
        with running([*spremnost, "serve"], port, "/health/ready", SPREMNOST_PORT=str(port)):
            hazard = [f"/tiles/hazard/{flood.id}/{z}/{x}/{y}.png" for z, x, y in wet]
            first, first_seconds = load(port, hazard, mine)
            kept = max(load(port, hazard * (5 if quick else 20), mine)[0] for _ in range(2))
            vector = [f"/tiles/boundaries/{boundaries}/{z}/{x}/{y}.mvt" for z, x, y in country_tiles(range(6, 10))]
            random.shuffle(vector)
            load(port, vector[:40], mine)
            ours_vector = max(load(port, vector * (4 if quick else 10), mine)[0] for _ in range(2))
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "peer.py").write_text(TITILER)
            shutil.copy(cog, Path(folder, "flood.tif"))
            port = free_port()
            query = f"url={quote(folder)}/flood.tif&rescale=0,5&colormap_name=blues"
            paths = [f"/tiles/WebMercatorQuad/{z}/{x}/{y}.png?{query}" for z, x, y in wet]
            uvicorn = [sys.executable, "-m", "uvicorn", "--port", str(port), "--log-level", "error", "--workers", "2"]
            with running([*uvicorn, "--app-dir", folder, "peer:app"], port, "/docs", **GDAL):
                load(port, paths[:20])
                titiler = load(port, paths[:80] if quick else paths)[0]
            script = Path(folder, "tile.sql")
            script.write_text(pgbench_script(QUERIES[BOUNDARIES], str(boundaries)))
            pgbench = measured_by_pgbench(libpq_url(settings.database_url), script, 5 if quick else 15)
        port = free_port()
        # tipg wants a host in the address, asyncpg takes a socket's folder for one.
        admin = make_url(settings.admin_database_url)
        address = f"postgresql://{admin.username}@{quote(str(admin.query['host']), safe='')}/{admin.database}"
        paths = [
            f"/collections/public.boundary/tiles/WebMercatorQuad/{z}/{x}/{y}" for z, x, y in country_tiles(range(6, 10))
        ]
        random.shuffle(paths)
        uvicorn = [sys.executable, "-m", "uvicorn", "--port", str(port), "--log-level", "error", "--workers", "2"]
        tipg_settings = {"DATABASE_URL": address, "TIPG_DB_SCHEMAS": '["public"]'}
        with running([*uvicorn, "tipg.main:app"], port, "/healthz", **tipg_settings):
            load(port, paths[:20])
            tipg = load(port, paths)[0]

    p95_ms = 1000 * statistics.quantiles(first_seconds, n=20)[18]
    for name, value in (
        ("hazard tiles, asked first", first),
        ("hazard tiles, kept", kept),
        ("  titiler", titiler),
        ("vector tiles, nothing kept", ours_vector),
        ("  pgbench, the same statement", pgbench),
        ("  tipg", tipg),
    ):
        print(f"{name:34s} {value:10.0f} /s")
    print(f"{'hazard tiles asked first, p95':34s} {p95_ms:10.1f} ms")
    figures = {
        "tiles_vs_titiler": first / titiler,
        "cached_vs_titiler": kept / titiler,
        "cold_p95_ms": p95_ms,
        "vector_tiles_vs_pgbench": ours_vector / pgbench,
        "vector_tiles_vs_tipg": ours_vector / tipg,
    }
    print(json.dumps({k: round(v, 3) for k, v in figures.items()}))


def pgbench_script(statement: str, version: str) -> str:
    """The server's statement on a tile of the country taken by chance, as pgbench writes its variables."""
    (left, top), (right, bottom) = tile_of(15.7, 45.3, 8), tile_of(19.65, 42.55, 8)
    for parameter, value in {"$1": f"'{version}'::uuid", "$2": "8", "$3": ":x", "$4": ":y"}.items():
        statement = statement.replace(parameter, value)
    return f"\\set x random({left}, {right})\n\\set y random({top}, {bottom})\n{' '.join(statement.split())};\n"


def measured_by_pgbench(address: str, script: Path, seconds: int) -> float:
    """Statements per second, prepared, as many clients as we have."""
    program = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"))[-1]
    command = [str(program), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(seconds)]
    done = subprocess.run([*command, "-f", str(script), address], check=True, capture_output=True, text=True)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if found is None:
        raise SystemExit(done.stdout + done.stderr)
    return float(found[1])


if __name__ == "__main__":
    main()
