"""HTTPS for a local network: certificates that a real TLS client trusts, and for nothing else."""

import re
import signal
import socket
import ssl
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPSConnection
from ipaddress import ip_address

import pytest
from cryptography import x509

from app import lan
from app.errors import WrongSetting
from app.factory import create_app
from app.settings import Settings
from tests.app.builders_map import close
from tests.app.test_serving import Server

NOW = datetime.now(UTC)
HOSTS = ["127.0.0.1", "::1", "localhost", "laptop.local"]


def handshake(files, name, *, authority):
    """What a client that trusts that authority says of the server's certificate when it asks for that name."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(files.server, files.server_key)
    asking = ssl.create_default_context(cafile=str(authority))
    ours, theirs = socket.socketpair()

    def answer():
        try:
            with serving.wrap_socket(theirs, server_side=True) as line:
                line.recv(1)
        except OSError:
            pass

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        with asking.wrap_socket(ours, server_hostname=name) as line:
            line.send(b"x")
            return "trusted"
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    finally:
        ours.close()
        thread.join()


@pytest.mark.parametrize("name", HOSTS)
def test_a_client_that_trusts_the_authority_trusts_the_server_under_each_of_its_names(tmp_path, name):
    files = lan.ensure(tmp_path, hosts=HOSTS, at=NOW)
    assert handshake(files, name, authority=files.authority) == "trusted"


def test_another_installation_s_authority_does_not_vouch_for_it(tmp_path):
    files = lan.ensure(tmp_path / "one", hosts=HOSTS, at=NOW)
    other = lan.ensure(tmp_path / "other", hosts=HOSTS, at=NOW)
    assert handshake(files, "localhost", authority=other.authority) != "trusted"


@pytest.mark.parametrize("name", ["bank.example", "8.8.8.8", "2001:db8::1"])
def test_a_stolen_authority_cannot_vouch_for_the_rest_of_the_world(tmp_path, name):
    files = lan.ensure(tmp_path, hosts=[name], at=NOW)
    assert handshake(files, name, authority=files.authority) == "permitted subtree violation"


def test_the_certificates_can_be_read_by_their_owner_only(tmp_path):
    files = lan.ensure(tmp_path, hosts=HOSTS, at=NOW)
    assert files.folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in files.folder.iterdir()} == {0o600}
    assert len(list(files.folder.iterdir())) == 4


def test_a_second_start_keeps_everything(tmp_path):
    def contents():
        return {path.name: path.read_bytes() for path in (tmp_path / "tls").iterdir()}

    lan.ensure(tmp_path, hosts=HOSTS, at=NOW)
    before = contents()
    lan.ensure(tmp_path, hosts=HOSTS[:2], at=NOW + timedelta(days=300))
    assert contents() == before


@pytest.mark.parametrize(
    ("hosts", "days"), [([*HOSTS, "192.168.7.7"], 0), (HOSTS, 310)], ids=["another address", "grown old"]
)
def test_the_server_s_certificate_is_renewed_and_the_authority_stays(tmp_path, hosts, days):
    files = lan.ensure(tmp_path, hosts=HOSTS, at=NOW)
    before, authority = files.server.read_bytes(), files.authority.read_bytes()
    lan.ensure(tmp_path, hosts=hosts, at=NOW + timedelta(days=days))
    assert files.server.read_bytes() != before
    assert files.authority.read_bytes() == authority
    assert lan.hosts_of(files) == hosts


def test_an_authority_that_would_die_before_its_server_is_made_anew(tmp_path):
    files = lan.ensure(tmp_path, hosts=HOSTS, at=NOW - timedelta(days=3652 - 300))
    authority = files.authority.read_bytes()
    lan.ensure(tmp_path, hosts=HOSTS, at=NOW)
    assert files.authority.read_bytes() != authority
    assert handshake(files, "localhost", authority=files.authority) == "trusted"


@pytest.mark.parametrize("name", ["authority", "authority_key", "server", "server_key"])
def test_a_file_that_was_cut_short_is_made_anew(tmp_path, name):
    files = lan.ensure(tmp_path, hosts=HOSTS, at=NOW)
    path = getattr(files, name)
    path.write_bytes(path.read_bytes()[:40])
    lan.ensure(tmp_path, hosts=HOSTS, at=NOW)
    assert handshake(files, "localhost", authority=files.authority) == "trusted"


def test_no_certificate_lasts_longer_than_phones_take(tmp_path):
    files = lan.ensure(tmp_path, hosts=HOSTS, at=NOW)
    found = x509.load_pem_x509_certificate(files.server.read_bytes())
    assert found.not_valid_after_utc - found.not_valid_before_utc <= timedelta(days=397)


def test_the_addresses_are_private_ones_and_the_loopback_comes_last():
    found = lan.addresses()
    assert ip_address("127.0.0.1") in found
    assert all(lan.is_private(one) for one in found)
    assert [one.is_loopback for one in found] == sorted(one.is_loopback for one in found)


# --- pages ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def on_the_lan(database, tmp_path):
    lan.ensure(tmp_path, hosts=HOSTS, at=NOW)
    app = create_app(replace(database, data_dir=tmp_path, lan=True))
    client = app.test_client()
    client.set_cookie("language", "en")
    yield client
    close(app)


def test_without_encryption_only_the_way_to_it_is_shown(on_the_lan, tmp_path):
    page = on_the_lan.get("/trust", headers={"Host": "127.0.0.1:8000"})
    assert page.status_code == 200
    assert (
        lan.fingerprint(lan.certificates(on_the_lan.application.extensions["spremnost.settings"].data_dir)) in page.text
    )
    assert "https://127.0.0.1:8443/" in page.text
    for path in ("/", "/op/map", "/sign-in", "/status", "/nowhere?a=b"):
        answer = on_the_lan.get(path, headers={"Host": "laptop.local:8000"})
        assert (answer.status_code, answer.location) == (303, f"https://laptop.local:8443{path}")
    assert on_the_lan.post("/sign-in", data={"password": "x"}).status_code == 303


def test_a_foreign_name_is_not_sent_on_to(on_the_lan):
    answer = on_the_lan.get("/op/map", headers={"Host": "evil.example"})
    assert answer.location == "https://127.0.0.1:8443/op/map"


def test_the_certificate_is_given_away_and_its_key_is_not(on_the_lan):
    answer = on_the_lan.get("/trust/spremnost.crt")
    assert answer.mimetype == "application/x-x509-ca-cert"
    assert x509.load_der_x509_certificate(answer.data)
    assert b"PRIVATE" not in answer.data


def test_encrypted_pages_ask_for_secure_cookies_and_set_no_hsts(on_the_lan):
    page = on_the_lan.get("/sign-in", base_url="https://127.0.0.1:8443")
    assert page.status_code == 200
    cookies = page.headers.getlist("Set-Cookie")
    assert [cookie for cookie in cookies if cookie.startswith("session=")]
    assert all("Secure" in cookie for cookie in cookies if cookie.startswith("session="))
    assert "Strict-Transport-Security" not in page.headers


def test_elsewhere_there_is_nothing_to_trust(client):
    assert client.get("/trust").status_code == 404
    assert client.get("/trust/spremnost.crt").status_code == 404


def test_a_public_https_address_brings_hsts(database, tmp_path):
    app = create_app(replace(database, data_dir=tmp_path, url="https://spremnost.example"))
    answer = app.test_client().get("/health/live")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    close(app)


@pytest.mark.parametrize(("proxies", "secure"), [(0, False), (1, True)])
def test_a_proxy_s_word_is_taken_only_where_one_is_said_to_be(database, tmp_path, proxies, secure):
    app = create_app(replace(database, data_dir=tmp_path, proxies=proxies))
    page = app.test_client().get(
        "/sign-in", headers={"X-Forwarded-Proto": "https", "X-Forwarded-Host": "spremnost.example"}
    )
    (cookie,) = [one for one in page.headers.getlist("Set-Cookie") if one.startswith("session=")]
    assert ("Secure" in cookie) is secure
    close(app)


@pytest.mark.parametrize("number", ["-1", "6", "one"])
def test_a_wrong_number_of_proxies_is_refused(number):
    with pytest.raises(WrongSetting, match="SPREMNOST_PROXIES"):
        Settings.from_environ({"SPREMNOST_PROXIES": number})


# --- the whole --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_serve_lan_serves_what_a_tls_client_with_that_authority_reads(data_dir):
    server = Server(data_dir, [sys.executable, "-m", "app.cli", "serve", "--lan"], SPREMNOST_LAN_PORT="0")
    try:
        said = server.wait_until(lambda: re.search(r"running at https://([^\s]+):(\d+)", server.said()))
        port = int(said[2])
        plain = int(re.search(r"begin at http://[^\s]+:(\d+)/trust", server.said())[1])
        connection = HTTPConnection("127.0.0.1", plain, timeout=20)
        connection.request("GET", "/trust/spremnost.crt")
        authority = connection.getresponse().read()
        assert lan.fingerprint(lan.certificates(data_dir)) in server.said()
        assert "█" in server.said()  # the QR code
        context = ssl.create_default_context(cadata=authority)
        encrypted = HTTPSConnection("127.0.0.1", port, context=context, timeout=20)
        encrypted.request("GET", "/sign-in", headers={"Cookie": "language=en"})
        answer = encrypted.getresponse()
        assert answer.status == 200
        assert "Sign in" in answer.read().decode()
        encrypted.close()
        connection.close()
        for trusted, version in ((False, ssl.TLSVersion.TLSv1_3), (True, ssl.TLSVersion.TLSv1_2)):
            asking = ssl.create_default_context(cadata=authority if trusted else None)
            asking.maximum_version = version
            with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
                if trusted:
                    asking.wrap_socket(line, server_hostname="localhost").close()
                else:
                    with pytest.raises(ssl.SSLCertVerificationError):
                        asking.wrap_socket(line, server_hostname="localhost")
        assert server.stop() == 0
    finally:
        server.process.send_signal(signal.SIGKILL)
