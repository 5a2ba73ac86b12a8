"""The private PostGIS that Spremnost runs when no database is given: a Unix socket, no password, no port.

The data folder belongs to an ordinary user, or, where root starts it, to the system user `spremnost`: PostgreSQL
never runs as root. Whoever uses the database holds a shared lock; the last one to leave stops the server.
"""

import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql
from sqlalchemy.exc import OperationalError

from app.errors import (
    DatabaseUnavailable,
    FolderNotMade,
    ForeignFolder,
    PostgresFailed,
    PostgresMissing,
    PostgresVersionMissing,
    SystemUserNotMade,
)
from app.settings import Settings, libpq_url

SYSTEM_USER = "spremnost"
OWNER_ROLE = "spremnost_owner"
APP_ROLE = "spremnost_app"
DATABASE = "spremnost"

PROGRAMS = Path("/usr/lib/postgresql")
SHARED = Path("/usr/share/postgresql")
# Where root keeps the data when the system user cannot pass the folders above the checkout.
ROOT_STORE = Path("/var/lib/spremnost")
# sockaddr_un holds 107 bytes, PostgreSQL's own file name among them.
SOCKET = ".s.PGSQL.5432"
LONGEST_SOCKET_FOLDER = 107 - len(f"/{SOCKET}")

CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
max_connections = 200
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
"""
# Tests throw their clusters away, so that nothing needs to outlive a power cut.
NOT_DURABLE = "fsync = off\nfull_page_writes = off\n"


@dataclass(frozen=True, slots=True)
class Urls:
    """SQLAlchemy URLs of one database: as the role that serves, and as the role that owns and migrates."""

    database_url: str
    admin_database_url: str


class Embedded:
    """One private PostgreSQL cluster in `folder`."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.wanted_folder = folder.resolve()
        self.durable = durable
        self.as_root = os.geteuid() == 0
        self.user = _system_user() if self.as_root else pwd.getpwuid(os.geteuid())
        self.folder = self._folder_that_the_user_can_reach()
        self.data = self.folder / "data"
        self.log = self.folder / "postgres.log"
        self.sockets = self._socket_folder()

    def urls(self, database: str = DATABASE) -> Urls:
        """The addresses of `database` in this cluster."""
        host = quote(str(self.sockets), safe="")
        return Urls(*(f"postgresql+psycopg://{role}@/{database}?host={host}" for role in (APP_ROLE, OWNER_ROLE)))

    def ensure_running(self) -> Urls:
        """The addresses of a running server with its roles and its database, which are made when missing.

        Raises DatabaseUnavailable.
        """
        self._make_folders()
        with self._lock("start.lock", fcntl.LOCK_EX), self._connect_or_start() as connection:
            _make_role_and_database(connection)
        return self.urls()

    @contextmanager
    def in_use(self) -> Iterator[Urls]:
        """As `ensure_running`, and stops the server at the end if nobody else uses it and nobody asked to keep it."""
        self._make_folders()
        # The lock is the kernel's: a user that was killed has left, too.
        with self._lock("users.lock", fcntl.LOCK_SH) as users:
            try:
                yield self.ensure_running()
            finally:
                with suppress(BlockingIOError):
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if not self.is_kept():
                        self.stop()

    def keep(self, wanted: bool) -> None:
        """Whether the server stays when its last user leaves."""
        if wanted:
            self._make_folders()
            self._keep_mark.touch()
        else:
            self._keep_mark.unlink(missing_ok=True)

    def is_kept(self) -> bool:
        """Whether someone asked for the server to stay."""
        return self._keep_mark.exists()

    def is_alive(self) -> bool:
        """Whether the server's main process is there."""
        return self._postmaster() is not None

    def is_running(self) -> bool:
        """Whether the server answers on its socket."""
        try:
            psycopg.connect(self._owner_url("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Stops the server, if it runs: open connections are closed, committed work is on disk."""
        if self._postmaster() is None:
            return
        self._run("pg_ctl", "stop", "--mode=fast", "--wait", "--timeout=60", "--silent", f"--pgdata={self.data}")

    @property
    def _keep_mark(self) -> Path:
        return self.folder / "keep-running"

    def _owner_url(self, database: str) -> str:
        return libpq_url(self.urls(database).admin_database_url)

    @contextmanager
    def _lock(self, name: str, kind: int) -> Iterator[int]:
        descriptor = os.open(self.folder / name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, kind)
            yield descriptor
        finally:
            os.close(descriptor)

    # Folders

    def _folder_that_the_user_can_reach(self) -> Path:
        if not self.as_root:
            return self.wanted_folder
        # An existing cluster keeps its owner, e.g. when root starts what a person made before.
        with suppress(FileNotFoundError, KeyError):
            owner = (self.wanted_folder / "data").stat().st_uid
            if owner != 0:
                self.user = pwd.getpwuid(owner)
        existing = next(parent for parent in self.wanted_folder.parents if parent.exists())
        if self._as_user("test", "-x", str(existing)).returncode == 0:
            return self.wanted_folder
        return ROOT_STORE / hashlib.sha256(bytes(self.wanted_folder)).hexdigest()[:12]

    def _socket_folder(self) -> Path:
        beside = self.folder / "socket"
        if len(bytes(beside)) <= LONGEST_SOCKET_FOLDER:
            return beside
        short = hashlib.sha256(bytes(self.folder)).hexdigest()[:12]
        return Path("/tmp") / f"spremnost-{self.user.pw_uid}-{short}"  # noqa: S108 (its owner is checked when it is made)

    def _make_folders(self) -> None:
        try:
            for parent in reversed(self.folder.parents):
                if not parent.exists():
                    parent.mkdir(mode=0o755, exist_ok=True)
                    parent.chmod(0o755)  # whatever the umask: the database's user passes here
            for folder in (self.folder, self.sockets):
                with suppress(FileExistsError):
                    folder.mkdir(mode=0o700)
                owner = folder.lstat().st_uid
                if self.as_root and owner == 0:  # also one that another start has made this moment
                    os.chown(folder, self.user.pw_uid, self.user.pw_gid, follow_symlinks=False)
                    owner = self.user.pw_uid
                if owner != self.user.pw_uid:
                    raise ForeignFolder(folder=folder, owner=_name(owner), user=self.user.pw_name)
        except OSError as error:
            raise FolderNotMade(folder=self.folder, reason=error.strerror) from error

    # The server's programs

    def _programs(self) -> Path:
        """The folder of the PostgreSQL that made the data, or of the newest one that has PostGIS."""
        try:
            made_by = (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            versions = sorted(int(path.parents[1].name) for path in SHARED.glob("[0-9]*/extension/postgis.control"))
            versions = [version for version in versions if (PROGRAMS / str(version) / "bin/initdb").exists()]
            if not versions:
                raise PostgresMissing from None
            made_by = str(versions[-1])
        programs = PROGRAMS / made_by / "bin"
        if not (programs / "pg_ctl").exists():
            raise PostgresVersionMissing(folder=self.folder, version=made_by)
        return programs

    def _as_user(self, *command: str) -> subprocess.CompletedProcess[str]:
        if self.as_root:
            ids = (f"--reuid={self.user.pw_uid}", f"--regid={self.user.pw_gid}")
            command = ("setpriv", *ids, "--clear-groups", "--no-new-privs", "--", *command)
        with tempfile.TemporaryFile("w+") as output:  # not a pipe: the server would keep it open for ever
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"},
                umask=0o077,
            )
            output.seek(0)
            return subprocess.CompletedProcess(command, done.returncode, output.read())

    def _run(self, program: str, *arguments: str) -> None:
        done = self._as_user(str(self._programs() / program), *arguments)
        if done.returncode != 0:
            reason = self._reason(done.stdout) or f"exit code {done.returncode}"
            raise PostgresFailed(folder=self.folder, program=program, reason=reason)

    def _reason(self, said: str) -> str:
        """The line that tells most: PostgreSQL's own log names the cause, its programs only the failure."""
        with suppress(FileNotFoundError):
            said += self.log.read_text()
        lines = [line.strip().rstrip(".") for line in said.splitlines() if line.strip()]
        fatal = [line for line in lines if "FATAL:" in line or "error:" in line]
        return (fatal or lines or [""])[-1]

    def _initialise(self) -> None:
        if self.data.exists():
            return
        unfinished = self.folder / "data.unfinished"
        if unfinished.exists():  # the attempt before was interrupted
            shutil.rmtree(unfinished)
        self._run(
            "initdb",
            f"--pgdata={unfinished}",
            f"--username={OWNER_ROLE}",
            "--auth=peer",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-instructions",
            *([] if self.durable else ["--no-sync"]),
        )
        unfinished.rename(self.data)

    def _configure(self) -> None:
        """Writes who may enter, and how, anew before each start: the folder may have been moved since."""
        people = {self.user.pw_name, pwd.getpwuid(os.geteuid()).pw_name}
        entries = [f'spremnost "{person}" {role}' for person in sorted(people) for role in (OWNER_ROLE, APP_ROLE)]
        settings = CONFIGURATION.format(sockets=str(self.sockets).replace("'", "''"))
        self._write("spremnost.conf", settings if self.durable else settings + NOT_DURABLE)
        self._write("pg_hba.conf", "local all all peer map=spremnost\n")
        self._write("pg_ident.conf", "\n".join(entries) + "\n")
        main = self.data / "postgresql.conf"
        include = "include 'spremnost.conf'\n"
        if include not in main.read_text():
            with main.open("a") as lines:
                lines.write(include)

    def _write(self, name: str, text: str) -> None:
        path = self.data / name
        path.write_text(text)
        path.chmod(0o600)
        if self.as_root:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    # Processes

    def _postmaster(self) -> int | None:
        """The process that serves this folder; after kill -9 or a reboot the file may name another one's."""
        try:
            number = int((self.data / "postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None
        except PermissionError as error:
            raise ForeignFolder(
                folder=self.folder, owner=_name(self.folder.stat().st_uid), user=self.user.pw_name
            ) from error
        return number if self._is_ours(number) else None

    def _is_ours(self, number: int) -> bool:
        """Whether that process belongs to this cluster: each PostgreSQL process stands in its data folder."""
        process = Path("/proc") / str(number)
        try:
            # A zombie has no folder any more.
            return (process / "cwd").readlink() == self.data and (process / "comm").read_text() == "postgres\n"
        except OSError:
            return False

    def _processes(self) -> set[int]:
        numbers = (int(process.name) for process in Path("/proc").glob("[0-9]*"))
        return {number for number in numbers if self._is_ours(number)}

    def _start(self) -> None:
        # After kill -9 of the server its sessions may live on for a while and hold its shared memory.
        for orphan in self._processes():
            with suppress(ProcessLookupError):
                os.kill(orphan, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while self._processes() and time.monotonic() < deadline:
            time.sleep(0.02)
        # Their numbers are dead, or another program's, or a zombie's where nobody collects the dead.
        for lock in (self.data / "postmaster.pid", self.sockets / f"{SOCKET}.lock"):
            lock.unlink(missing_ok=True)
        self.log.unlink(missing_ok=True)
        self._run(
            "pg_ctl", "start", "--wait", "--timeout=120", "--silent", f"--pgdata={self.data}", f"--log={self.log}"
        )

    def _connect_or_start(self) -> psycopg.Connection:
        """A connection as the owner. A server that still recovers, or that is just dying, is waited for."""
        deadline = time.monotonic() + 60
        while True:
            try:
                return psycopg.connect(self._owner_url("postgres"), autocommit=True, connect_timeout=5)
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise DatabaseUnavailable(reason=str(error).splitlines()[0].rstrip(".")) from error
            if self.is_alive():
                time.sleep(0.1)
            else:
                self._initialise()
                self._configure()
                self._start()


def _make_role_and_database(connection: psycopg.Connection) -> None:
    if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP_ROLE]).fetchone():
        role = sql.Identifier(APP_ROLE)
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE").format(role))
    if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


@contextmanager
def connected(settings: Settings) -> Iterator[Settings]:
    """The settings with the URLs of a database that runs: the given one, or the embedded one for as long as needed.

    Raises DatabaseUnavailable if it cannot be started or reached.
    """
    try:
        if settings.database_url:
            yield settings
            return
        with embedded_of(settings).in_use():
            yield with_urls(settings)
    except (psycopg.OperationalError, OperationalError) as error:
        reason = error.orig if isinstance(error, OperationalError) else error
        raise DatabaseUnavailable(reason=str(reason).splitlines()[0].rstrip(".")) from error


def with_urls(settings: Settings) -> Settings:
    """The settings with both URLs, those of the embedded database if none are given, whether it runs or not."""
    if settings.database_url:
        return settings
    urls = embedded_of(settings).urls()
    return replace(settings, database_url=urls.database_url, admin_database_url=urls.admin_database_url)


def embedded_of(settings: Settings) -> Embedded:
    """The embedded database that belongs to these settings' data folder."""
    return Embedded(settings.data_dir / "postgres")


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _system_user() -> pwd.struct_passwd:
    """The user who runs PostgreSQL in root's stead, made when missing."""
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        made = subprocess.run(
            [
                "/usr/sbin/useradd",
                "--system",
                "--user-group",
                "--no-create-home",
                "--home-dir=/nonexistent",
                "--shell=/usr/sbin/nologin",
                SYSTEM_USER,
            ],
            capture_output=True,
            text=True,
        )
        if made.returncode != 0:
            raise SystemUserNotMade(user=SYSTEM_USER, reason=made.stderr.strip().rstrip(".")) from None
        return pwd.getpwnam(SYSTEM_USER)
