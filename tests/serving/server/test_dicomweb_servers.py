"""DICOMweb servers come from the configuration, and their credentials from the environment."""

import ssl
from pathlib import Path

import pytest

from lungnet.errors import InputError
from lungnet.serving.server.dicomweb_servers import dicomweb_servers

URL = "https://pacs.example.org/dicom-web"
TOKEN, USER, PASSWORD = (f"LUNGNET_DICOMWEB_MY_PACS_{what}" for what in ("TOKEN", "USER", "PASSWORD"))


def test_named_and_filed(tmp_path: Path):
    file = tmp_path / "servers.toml"
    file.write_text('[plain]\nurl = "http://10.0.0.1:8042/dicom-web/"\nplain_http = true\n')
    found = dicomweb_servers([f"my-pacs={URL}", "here=http://127.0.0.1:8042"], file, {})
    assert {name: one.url for name, one in found.items()} == {
        "my-pacs": URL,
        "here": "http://127.0.0.1:8042",
        "plain": "http://10.0.0.1:8042/dicom-web",
    }
    tls = found["my-pacs"].tls
    assert tls is not None and tls.verify_mode == ssl.CERT_REQUIRED and tls.check_hostname
    assert found["here"].tls is None and found["plain"].tls is None
    assert dicomweb_servers([], None, {}) == {}


def test_credentials_of_the_environment_are_not_shown():
    for environment, header in (
        ({}, None),
        ({TOKEN: "a-secret"}, "Bearer a-secret"),
        # base64 of "ann:secret"
        ({USER: "ann", PASSWORD: "secret"}, "Basic YW5uOnNlY3JldA=="),
    ):
        one = dicomweb_servers([f"my-pacs={URL}"], environment=environment)["my-pacs"]
        assert one.authorization == header
        assert "secret" not in repr(one) and "YW5u" not in repr(one)


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        ("my-pacs", "is written NAME=URL"),
        (f"My PACS={URL}", "must be 1 to 32 small letters"),
        ("my-pacs=pacs.example.org", "expected an address such as https"),
        ("my-pacs=ftp://pacs.example.org", "expected an address such as https"),
        ("my-pacs=https://", "expected an address such as https"),
        ("my-pacs=https://pacs.example.org/?a=b", "expected an address such as https"),
        ("my-pacs=https://pacs.example.org/a\nb", "expected an address such as https"),
        ("my-pacs=https://pacs.example.org:port", "the address is no URL"),
        ("my-pacs=https://[", "the address is no URL"),
        ("my-pacs=http://pacs.example.org", "would go unencrypted to pacs.example.org; expected https"),
        (
            "my-pacs=https://ann:secret@pacs.example.org",
            "holds credentials; expected them in the environment",
        ),
    ],
)
def test_what_is_no_server(named: str, sentence: str):
    with pytest.raises(InputError, match=sentence) as raised:
        dicomweb_servers([named], environment={})
    assert "secret" not in str(raised.value)


def test_a_name_stands_once(tmp_path: Path):
    file = tmp_path / "servers.toml"
    file.write_text(f'[my-pacs]\nurl = "{URL}"\n')
    for named, path in (([f"my-pacs={URL}"] * 2, None), ([f"my-pacs={URL}"], file)):
        with pytest.raises(InputError, match="'my-pacs' is named twice"):
            dicomweb_servers(named, path, {})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[", "is not TOML"),
        (
            '[archive]\nurl = "https://x"\nulr = 1',
            "archive.ulr: Extra inputs are not permitted; expected a table",
        ),
        ("[archive]", "archive.url: Field required; expected a table with url, ca_file, plain_http"),
        ("archive = 1", "archive: Input should be a valid dictionary"),
        (
            '[archive]\nurl = "https://x"\nca_file = "nowhere.pem"',
            "cannot read certificates from .*nowhere.pem",
        ),
        ('[archive]\nurl = "https://x"\nca_file = "servers.toml"', "cannot read certificates from"),
    ],
)
def test_files_that_are_none(tmp_path: Path, text: str, sentence: str):
    file = tmp_path / "servers.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=sentence):
        dicomweb_servers([], file, {})
    with pytest.raises(InputError, match="Cannot read DICOMweb servers from"):
        dicomweb_servers([], tmp_path / "nowhere.toml", {})


@pytest.mark.parametrize(
    "environment",
    [
        {TOKEN: ""},
        {TOKEN: "line\nbreak"},
        {USER: "ann"},
        {PASSWORD: "secret"},
        {TOKEN: "a-secret", USER: "ann", PASSWORD: "secret"},
    ],
)
def test_credentials_that_are_none(environment: dict[str, str]):
    with pytest.raises(InputError, match="LUNGNET_DICOMWEB_MY_PACS_TOKEN") as raised:
        dicomweb_servers([f"my-pacs={URL}"], environment=environment)
    assert "secret" not in str(raised.value)
