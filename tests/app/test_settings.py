import pytest

from app.errors import WrongSetting
from app.settings import CHECKOUT, Settings, libpq_url

BOTH = {
    "SPREMNOST_DATABASE_URL": "postgresql://serves:secret@db/spremnost",
    "SPREMNOST_ADMIN_DATABASE_URL": "postgresql+psycopg://owns:secret@db/spremnost",
}


def test_without_variables_it_listens_on_loopback_with_an_embedded_database_and_no_demo():
    settings = Settings.from_environ({"SPREMNOST_HOST": ""})
    assert settings == Settings(
        database_url="", admin_database_url="", demo=False, data_dir=CHECKOUT / "var", host="127.0.0.1", port=8000
    )


def test_both_spellings_of_a_database_url_mean_the_same_driver():
    settings = Settings.from_environ(BOTH)
    assert settings.database_url == "postgresql+psycopg://serves:secret@db/spremnost"
    assert settings.admin_database_url == BOTH["SPREMNOST_ADMIN_DATABASE_URL"]
    assert libpq_url(settings.database_url) == BOTH["SPREMNOST_DATABASE_URL"]


@pytest.mark.parametrize("variable", BOTH)
def test_one_database_url_without_the_other_is_refused_by_name(variable):
    (other,) = BOTH.keys() - {variable}
    with pytest.raises(WrongSetting, match=f"^{other} must be set when {variable} is set"):
        Settings.from_environ({variable: BOTH[variable]})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SPREMNOST_DATABASE_URL", "mysql://root:hunter2@db/spremnost"),
        ("SPREMNOST_ADMIN_DATABASE_URL", "postgresql://hunter2@db"),
        ("SPREMNOST_DEMO", "perhaps"),
        ("SPREMNOST_DATA_DIR", "var"),
        ("SPREMNOST_HOST", "http://localhost"),
        ("SPREMNOST_PORT", "65536"),
        ("SPREMNOST_PORT", "eighty"),
        ("SPREMNOST_SECRET_KEY", "hunter2"),
        ("SPREMNOST_LOG_LEVEL", "LOUD"),
    ],
)
def test_a_wrong_value_is_refused_with_the_name_of_its_variable_and_without_secrets(variable, value):
    with pytest.raises(WrongSetting, match=f"^{variable} is .*, but must be ") as refused:
        Settings.from_environ({variable: value})
    assert "hunter2" not in str(refused.value)


def test_a_child_process_reads_the_same_settings_again():
    settings = Settings.from_environ(
        {**BOTH, "SPREMNOST_DEMO": "yes", "SPREMNOST_PORT": "0", "SPREMNOST_LOG_LEVEL": "debug"}
    )
    assert Settings.from_environ(settings.as_environ()) == settings


@pytest.mark.parametrize("missing", ["ISSUER", "CLIENT_ID", "CLIENT_SECRET"])
def test_the_three_settings_of_another_server_belong_together(missing):
    three = {"ISSUER": "https://login.example", "CLIENT_ID": "spremnost", "CLIENT_SECRET": "tajna"}
    environ = {f"SPREMNOST_OIDC_{name}": value for name, value in three.items() if name != missing}
    with pytest.raises(WrongSetting, match=f"SPREMNOST_OIDC_{missing} must be set"):
        Settings.from_environ(environ)


def test_a_mail_server_needs_a_sender_and_another_server_needs_tls():
    with pytest.raises(WrongSetting, match="SPREMNOST_MAIL_FROM must be set"):
        Settings.from_environ({"SPREMNOST_SMTP_URL": "smtps://mail.example"})
    with pytest.raises(WrongSetting, match="SPREMNOST_OIDC_ISSUER is "):
        Settings.from_environ({"SPREMNOST_OIDC_ISSUER": "http://login.example"})
