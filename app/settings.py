"""The configuration, read once from the environment."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar
from urllib.parse import urlsplit

from app.errors import LonelySetting, WrongSetting

CHECKOUT = Path(__file__).resolve().parents[1]
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set from outside. Both database URLs are empty where the embedded one is meant."""

    database_url: str = ""
    admin_database_url: str = ""
    demo: bool = False
    data_dir: Path = CHECKOUT / "var"
    host: str = "127.0.0.1"
    port: int = 8000
    secret_key: str = ""
    log_level: str = "INFO"
    url: str = ""
    smtp_url: str = ""
    mail_from: str = ""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    lan: bool = False
    lan_port: int = 8443
    proxies: int = 0
    metrics_key: str = ""

    @property
    def is_https(self) -> bool:
        """Whether people reach this installation by a public address with TLS."""
        return self.url.startswith("https://") and not self.lan

    @property
    def public_url(self) -> str:
        """Where people reach this installation, without a slash at the end; links in e-mails begin with it."""
        here = {"0.0.0.0": "localhost", "::": "localhost"}.get(self.host, self.host)  # noqa: S104
        if self.lan and not self.url:
            return f"https://{f'[{here}]' if ':' in here else here}:{self.lan_port}"
        return self.url or f"http://{f'[{here}]' if ':' in here else here}:{self.port}"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """The settings of these variables; an empty one counts as unset.

        Raises WrongSetting, which names the variable.
        """

        def read(variable: str, parse: Callable[[str], Value], default: Value, expected: str) -> Value:
            text = environ.get(variable, "").strip()
            if not text:
                return default
            try:
                return parse(text)
            except ValueError:
                # A URL or a key is not repeated: what carries a secret must not reach a log.
                shown = "wrong" if variable.endswith(("_URL", "_KEY")) else repr(text)
                raise WrongSetting(variable=variable, value=shown, expected=expected) from None

        unset = cls()
        address = "an address like postgresql+psycopg://user:password@host/database"
        settings = cls(
            database_url=read("SPREMNOST_DATABASE_URL", _database_url, "", address),
            admin_database_url=read("SPREMNOST_ADMIN_DATABASE_URL", _database_url, "", address),
            demo=read("SPREMNOST_DEMO", _switch, False, "on or off"),
            data_dir=read("SPREMNOST_DATA_DIR", _folder, unset.data_dir, "an absolute path of a folder"),
            host=read("SPREMNOST_HOST", _host, unset.host, "an address or a name of this machine"),
            port=read("SPREMNOST_PORT", _port, unset.port, "a number from 0 to 65535"),
            secret_key=read("SPREMNOST_SECRET_KEY", _secret, "", "at least 32 characters that nobody can guess"),
            log_level=read("SPREMNOST_LOG_LEVEL", _level, unset.log_level, "DEBUG, INFO, WARNING or ERROR"),
            url=read("SPREMNOST_URL", _public_url, "", "an address like https://spremnost.example"),
            smtp_url=read("SPREMNOST_SMTP_URL", _smtp_url, "", "an address like smtps://user:password@mail.example"),
            oidc_issuer=read("SPREMNOST_OIDC_ISSUER", _issuer, "", "an https address"),
            oidc_client_id=read("SPREMNOST_OIDC_CLIENT_ID", str, "", "a word"),
            oidc_client_secret=read("SPREMNOST_OIDC_CLIENT_SECRET", str, "", "a word"),
            mail_from=read("SPREMNOST_MAIL_FROM", _mail_address, "", "an e-mail address"),
            lan=read("SPREMNOST_LAN", _switch, False, "on or off"),
            lan_port=read("SPREMNOST_LAN_PORT", _port, unset.lan_port, "a number from 0 to 65535"),
            proxies=read("SPREMNOST_PROXIES", _few, 0, "the number of proxies before this server, from 0 to 5"),
            metrics_key=read("SPREMNOST_METRICS_KEY", _secret, "", "at least 32 characters that nobody can guess"),
        )
        oidc = {
            "SPREMNOST_OIDC_ISSUER": settings.oidc_issuer,
            "SPREMNOST_OIDC_CLIENT_ID": settings.oidc_client_id,
            "SPREMNOST_OIDC_CLIENT_SECRET": settings.oidc_client_secret,
        }
        if any(oidc.values()) and not all(oidc.values()):
            there = next(name for name, value in oidc.items() if value)
            raise LonelySetting(variable=next(name for name, value in oidc.items() if not value), other=there)
        if bool(settings.smtp_url) != bool(settings.mail_from):
            both = ("SPREMNOST_SMTP_URL", "SPREMNOST_MAIL_FROM")
            other, variable = both if settings.smtp_url else reversed(both)
            raise LonelySetting(variable=variable, other=other)
        if bool(settings.database_url) != bool(settings.admin_database_url):
            both = ("SPREMNOST_DATABASE_URL", "SPREMNOST_ADMIN_DATABASE_URL")
            other, variable = both if settings.database_url else reversed(both)
            raise LonelySetting(variable=variable, other=other)
        return settings

    def as_environ(self) -> dict[str, str]:
        """The variables that give these settings again, for a child process."""
        return {
            "SPREMNOST_DATABASE_URL": self.database_url,
            "SPREMNOST_ADMIN_DATABASE_URL": self.admin_database_url,
            "SPREMNOST_DEMO": "on" if self.demo else "off",
            "SPREMNOST_DATA_DIR": str(self.data_dir),
            "SPREMNOST_HOST": self.host,
            "SPREMNOST_PORT": str(self.port),
            "SPREMNOST_LAN": "on" if self.lan else "off",
            "SPREMNOST_LAN_PORT": str(self.lan_port),
            "SPREMNOST_PROXIES": str(self.proxies),
            "SPREMNOST_METRICS_KEY": self.metrics_key,
            "SPREMNOST_SECRET_KEY": self.secret_key,
            "SPREMNOST_LOG_LEVEL": self.log_level,
            "SPREMNOST_URL": self.url,
            "SPREMNOST_SMTP_URL": self.smtp_url,
            "SPREMNOST_MAIL_FROM": self.mail_from,
            "SPREMNOST_OIDC_ISSUER": self.oidc_issuer,
            "SPREMNOST_OIDC_CLIENT_ID": self.oidc_client_id,
            "SPREMNOST_OIDC_CLIENT_SECRET": self.oidc_client_secret,
        }


def libpq_url(url: str) -> str:
    """The same address in the form that psycopg and Procrastinate take."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def _database_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"postgresql", "postgres", "postgresql+psycopg"} or not parts.path.strip("/"):
        raise ValueError
    return "postgresql+psycopg" + text[len(parts.scheme) :]


SWITCH = {"on": True, "1": True, "true": True, "yes": True, "off": False, "0": False, "false": False, "no": False}


def _switch(text: str) -> bool:
    return _one_of(SWITCH, text.lower())


def _level(text: str) -> str:
    return _one_of({level: level for level in ("DEBUG", "INFO", "WARNING", "ERROR")}, text.upper())


def _one_of(choices: Mapping[str, Value], text: str) -> Value:
    if text not in choices:
        raise ValueError(text)
    return choices[text]


def _folder(text: str) -> Path:
    # A relative path would mean another folder for each place a command is called from.
    if not os.path.isabs(text):
        raise ValueError(text)
    return Path(text)


def _host(text: str) -> str:
    if not re.fullmatch(r"[\w.:-]+", text):
        raise ValueError(text)
    return text


def _port(text: str) -> int:
    if not 0 <= int(text) <= 65535:
        raise ValueError(text)
    return int(text)


def _few(text: str) -> int:
    if not 0 <= int(text) <= 5:
        raise ValueError(text)
    return int(text)


def _secret(text: str) -> str:
    if len(text) < 32:
        raise ValueError(text)
    return text


def _public_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError(text)
    return text.rstrip("/")


def _issuer(text: str) -> str:
    parts = urlsplit(text)
    loopback = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and loopback)):
        raise ValueError(text)
    return text


def _smtp_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path.strip("/") or parts.port == 0:
        raise ValueError(text)
    if parts.query not in {"", "tls=off"} or (parts.query and parts.scheme == "smtps"):
        raise ValueError(text)
    return text


def _mail_address(text: str) -> str:
    if not is_mail_address(text):
        raise ValueError(text)
    return text


def is_mail_address(text: str) -> bool:
    """Whether a text can be the address of a mailbox; whether there is one, only a mail can tell."""
    return len(text) <= 254 and re.fullmatch(r"[^\s@<>()\[\],;:\"\\]{1,64}@[\w-]+(\.[\w-]+)*", text) is not None
