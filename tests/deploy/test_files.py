"""The files in docs/deploy say what the program, and the programs that read them, understand."""

import configparser
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from hansa.cli.application import build_app

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs" / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
COMPOSE = YAML(typ="safe").load(DEPLOY / "compose.yaml")
LONGEST_POLL_SECONDS = 60
"""As docs/formats/wire.md allows a node to ask for."""


def list_commands():
    """Every `hansa` command that a file or page in docs/deploy shows."""
    for path in UNITS:
        yield path.name, read_unit(path)["Service"]["ExecStart"].partition(" ")[2]
    yield "compose.yaml", shlex.join(COMPOSE["services"]["hub"]["command"])
    for path in sorted(DEPLOY.iterdir()):
        text = path.read_text()
        for line in re.findall(r"^(?:#| )* *(?:docker compose run --rm hub|hansa) (.+)$", text, re.MULTILINE):
            yield path.name, line
        for line in re.findall(r"`hansa ([^`]+)`", text):
            yield path.name, line


def read_unit(path):
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read_string(path.read_text())
    return unit


@pytest.mark.parametrize(("page", "command"), list(list_commands()))
def test_a_command_is_one_that_the_program_has(page, command):
    app, words = build_app(), shlex.split(command)
    if "node" not in app and words[0] != "log":
        pytest.skip(f"NOT TESTED: `hansa {words[0]} {words[1]}` is not there yet")
    path = []
    while words and words[0] in app and not words[0].startswith("-"):
        app, path, words = app[words[0]], [*path, words[0]], words[1:]
    arguments = list(app.assemble_argument_collection())
    options = {name for argument in arguments for name in argument.names if name.startswith("-")}
    assert {word for word in words if word.startswith("--")} <= options, (page, path)


def test_commands_are_found():
    shown = {" ".join(shlex.split(command)[:2]) for _, command in list_commands()}
    assert {"hub up", "hub init", "node up", "coalition join", "log restore"} <= shown


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_systemd_understands_a_unit(unit, tmp_path):
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("NOT TESTED: systemd is not installed")
    # It looks for what it is to start, and for the user; on this machine there is another program and user.
    text = unit.read_text().replace("/opt/hansa/bin/hansa", sys.executable)
    copy = tmp_path / unit.name
    copy.write_text(re.sub(r"^User=.*$", "User=root", text, flags=re.MULTILINE))
    said = subprocess.run([analyze, "verify", copy], check=False, capture_output=True, text=True, timeout=60)
    mine = [line for line in said.stderr.splitlines() if unit.name in line and "man " not in line]
    assert not mine
    copy.write_text(copy.read_text().replace("Restart=always", "Restart=sometimes"))
    said = subprocess.run([analyze, "verify", copy], check=False, capture_output=True, text=True, timeout=60)
    assert "sometimes" in said.stderr


@pytest.mark.parametrize("name", ["passthrough.conf", "proxy.conf"])
def test_nginx_understands_a_configuration(name, tmp_path):
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin") or shutil.which("nginx")
    if nginx is None:
        pytest.skip("NOT TESTED: nginx is not installed")
    text, load = (DEPLOY / name).read_text(), ""
    if name == "proxy.conf":
        make_certificate(tmp_path)
        text = re.sub(r"/etc/hansa/hub\.example\.(pem|key)", rf"{tmp_path}/hub.\1", text)
        text = text.replace("/etc/ssl/certs/ca-certificates.crt", f"{tmp_path}/hub.pem")
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        places = " ".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in kinds)
        text = f"http {{ access_log off; {places} {text} }}"
    else:
        module = Path(nginx).parents[1] / "lib" / "nginx" / "modules" / "ngx_stream_module.so"
        load = f"load_module {module}; " if module.exists() else ""
    main = tmp_path / "nginx.conf"
    main.write_text(f"{load}pid {tmp_path}/pid; error_log stderr; events {{}}\n{text}")
    said = subprocess.run(
        [nginx, "-t", "-p", tmp_path, "-c", main], check=False, capture_output=True, text=True, timeout=60
    )
    assert said.returncode == 0, said.stderr


def make_certificate(folder):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=hub.example",
         "-keyout", folder / "hub.key", "-out", folder / "hub.pem"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip


def test_proxies_wait_longer_than_a_long_poll_and_hold_nothing_back():
    stream, proxy = ((DEPLOY / name).read_text() for name in ("passthrough.conf", "proxy.conf"))
    waits = re.findall(r"(?:proxy_timeout|proxy_read_timeout|proxy_send_timeout) (\d+)s;", stream + proxy)
    assert len(waits) == 3
    assert min(map(int, waits)) > LONGEST_POLL_SECONDS
    for line in (
        "proxy_set_header Host $http_host;",
        "proxy_request_buffering off;",
        "proxy_buffering off;",
        "client_max_body_size 0;",
        "proxy_ssl_verify on;",
    ):
        assert line in proxy


def test_the_composition_names_what_is_there():
    services, secrets = COMPOSE["services"], COMPOSE["secrets"]
    for service in services.values():
        for secret in service["secrets"]:
            assert (secret if isinstance(secret, str) else secret["source"]) in secrets
        for volume in service["volumes"]:
            assert volume.split(":")[0] in COMPOSE["volumes"]
        for needed in service.get("depends_on", ()):
            assert "healthcheck" in services[needed]
    build = services["hub"]["build"]
    root = (DEPLOY / build["context"]).resolve()
    assert root == ROOT
    assert (root / build["dockerfile"]).is_file()
    assert int(services["database"]["image"].partition(":")[2]) >= 15


def test_the_image_installs_what_there_is():
    text = (DEPLOY / "Containerfile").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for path in re.findall(r"/src/([\w./-]+\.txt)", text):
        assert (ROOT / path).is_file()
    for extras in re.findall(r'"/src\[([\w,]+)\]"', text):
        assert set(extras.split(",")) <= project["optional-dependencies"].keys()
    assert 'ENTRYPOINT ["hansa"]' in text
    assert "hansa" in project["scripts"]


def test_every_file_is_on_the_page():
    page = (DEPLOY / "README.md").read_text()
    for path in DEPLOY.iterdir():
        assert path.name == "README.md" or f"({path.name})" in page
