"""A peer's processes never outlive their measurement, and nothing is reported that did not happen."""

import itertools
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest

import flower_rounds
import nvflare_rounds
from peers.deployment import (
    Deployment,
    DeploymentError,
    end_all,
    find_ports,
    is_listening,
    list_descendants,
    list_matching,
)
from peers.exchange import Exchange, Measured, measure_peer, parse_exchange

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SLEEP = "import time; time.sleep(600)"
# Becomes deaf to gentle signals in a session of its own, tells its number, and is orphaned.
ORPHAN = """
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print(os.getpid(), flush=True)
    time.sleep(600)
"""
HELD = 64_000_000
HOLD = f"data = bytearray(b'x' * {HELD}); print('held', flush=True); {SLEEP}"
EXCHANGE = Exchange(members=2, size_bytes=100, rounds=2, timeout_seconds=60)


def is_alive(process):
    return Path("/proc", str(process)).exists()


def await_log(deployment, name):
    log = deployment.folder / f"{name}.log"
    deployment.await_that(lambda: log.read_text().endswith("\n"), f"word of `{name}`")
    return log.read_text()


@pytest.fixture
def deployment():
    with Deployment("peer", timeout_seconds=60) as one:
        yield one


class TestCleaningUp:
    def test_ends_what_was_orphaned_in_a_session_of_its_own(self):
        with Deployment("peer", timeout_seconds=60) as deployment:
            deployment.run("orphan", sys.executable, "-c", ORPHAN)
            orphan = int(await_log(deployment, "orphan"))
            assert is_alive(orphan)
        assert not is_alive(orphan)
        assert not deployment.folder.exists()

    def test_ends_everything_after_an_exception(self):
        deployment = Deployment("peer", timeout_seconds=60)

        def fail_after_a_start():
            with deployment:
                started.append(deployment.start("sleeping", sys.executable, "-c", SLEEP))
                raise LookupError

        started = []
        with pytest.raises(LookupError):
            fail_after_a_start()
        assert not is_alive(started[0].pid)
        assert not deployment.folder.exists()

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
    def test_ends_everything_when_it_is_told_to_stop(self, number):
        script = (
            f"import signal, sys; sys.path.insert(0, {str(BENCHMARKS)!r})\n"
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # shells let background jobs ignore it
            "from peers.deployment import Deployment\n"
            "with Deployment('peer', timeout_seconds=60) as deployment:\n"
            f"    sleeping = deployment.start('sleeping', sys.executable, '-c', {SLEEP!r})\n"
            "    print(sleeping.pid, deployment.folder, flush=True)\n"
            "    sleeping.wait()\n"
        )
        command = [sys.executable, "-c", script]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as running:
            process, folder = running.stdout.readline().split()
            assert is_alive(process)
            running.send_signal(number)
            status = running.wait(60)
        assert status != 0
        assert not is_alive(process)
        assert not Path(folder).exists()

    def test_leaves_alone_what_was_started_before(self):
        with subprocess.Popen([sys.executable, "-c", SLEEP]) as earlier:
            with Deployment("peer", timeout_seconds=60):
                pass
            assert earlier.poll() is None
            earlier.kill()

    def test_gives_the_signals_back(self):
        before = signal.getsignal(signal.SIGTERM)
        with Deployment("peer", timeout_seconds=60):
            assert signal.getsignal(signal.SIGTERM) is not before
        assert signal.getsignal(signal.SIGTERM) is before

    def test_says_what_it_cannot_end(self):
        with subprocess.Popen([sys.executable, "-c", ""]) as gone:
            gone.wait()
        with pytest.raises(DeploymentError, match=f"cannot end the processes {gone.pid}"):
            end_all(lambda: [gone.pid], timeout_seconds=0)


class TestWaiting:
    def test_gives_up_at_the_deadline_and_shows_what_was_said(self):
        with Deployment("peer", timeout_seconds=0.5) as deployment:
            deployment.start("talking", sys.executable, "-c", f"print('at work', flush=True); {SLEEP}")
            log = deployment.folder / "talking.log"
            while not log.read_text():
                time.sleep(0.05)
            with pytest.raises(
                DeploymentError, match=r"(?s)no result within 0.5 seconds.*-- talking\nat work"
            ):
                deployment.await_that(lambda: False, "result")

    def test_gives_up_when_a_process_has_ended_that_it_needs(self, deployment):
        dying = deployment.start("dying", sys.executable, "-c", "raise SystemExit('no port')")
        with pytest.raises(DeploymentError, match=r"(?s)a process ended before result:.*no port"):
            deployment.await_that(lambda: False, "result", dying)

    def test_refuses_a_command_that_fails(self, deployment):
        with pytest.raises(DeploymentError, match=r"(?s)`setup` ended with 3:.*-- setup\nno room"):
            deployment.run("setup", sys.executable, "-c", "print('no room'); raise SystemExit(3)")

    def test_runs_nothing_in_the_home_of_its_user(self, deployment):
        deployment.run(
            "where", sys.executable, "-c", "import os; print(os.environ['HOME'], os.environ['TMPDIR'])"
        )
        assert all(Path(each).parent == deployment.folder for each in await_log(deployment, "where").split())


class TestMeasuring:
    def test_adds_up_what_the_hub_holds(self, deployment):
        for name in ("first", "second"):
            deployment.start(name, sys.executable, "-c", HOLD)
        for name in ("first", "second"):
            await_log(deployment, name)
        deployment.list_hub = lambda: list_descendants(os.getpid())
        deployment.measure()
        assert deployment.peak_bytes > 2 * HELD

    def test_leaves_out_who_is_not_the_hub(self, deployment):
        hub = deployment.start("hub", sys.executable, "-c", SLEEP, "the-hub")
        deployment.start("member", sys.executable, "-c", HOLD)
        await_log(deployment, "member")
        deployment.await_that(lambda: list_matching("the-hub") == [hub.pid], "hub")
        deployment.list_hub = lambda: list_matching("the-hub")
        deployment.measure()
        assert 0 < deployment.peak_bytes < HELD

    def test_keeps_the_peak(self, deployment):
        holding = deployment.start("holding", sys.executable, "-c", HOLD)
        await_log(deployment, "holding")
        deployment.list_hub = lambda: [holding.pid]
        deployment.measure()
        holding.kill()
        holding.wait()
        deployment.measure()
        assert deployment.peak_bytes > HELD


class TestPorts:
    def test_are_free_and_different(self):
        ports = find_ports(5)
        assert len(set(ports)) == 5
        assert not any(map(is_listening, ports))

    def test_are_seen_to_listen(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            assert is_listening(server.getsockname()[1])


class TestTheCommandLine:
    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (("--members", "1"), "`--members` is at least 2, got `1`"),
            (("--bytes", "0"), "`--bytes` is a positive multiple of 4, got `0`"),
            (("--bytes", "-4"), "`--bytes` is a positive multiple of 4, got `-4`"),
            (("--bytes", "102"), "`--bytes` is a positive multiple of 4, got `102`"),
            (("--rounds", "0"), "`--rounds` is at least 1, got `0`"),
            (("--timeout", "0"), "`--timeout` is positive, got `0`"),
            (("--timeout", "nan"), "`--timeout` is positive, got `nan`"),
        ],
    )
    def test_refuses_what_cannot_be_measured(self, arguments, reason, capsys):
        with pytest.raises(SystemExit, match="2"):
            parse_exchange("", arguments)
        assert reason in capsys.readouterr().err

    @pytest.mark.parametrize("script", ["flower_rounds.py", "nvflare_rounds.py"])
    def test_of_each_script_is_read_before_the_peer_is_looked_for(self, script):
        command = (sys.executable, BENCHMARKS / script, "--members", "1")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert "`--members` is at least 2, got `1`" in done.stderr

    def test_says_that_a_peer_is_missing(self, capsys):
        with pytest.raises(SystemExit, match="1"):
            measure_peer("no-such-peer", "", pytest.fail, [])
        out, err = capsys.readouterr()
        assert out == ""
        assert (
            err
            == f"`no-such-peer` is not installed for `{sys.executable}`: run this with an interpreter that has it\n"
        )

    def test_prints_one_line(self, capsys):
        def exchange_rounds(deployment, exchange):
            assert exchange == EXCHANGE
            deployment.peak_bytes = 7_000_000
            return Measured((3.0, 2.0), is_encrypted=True)

        measure_peer("numpy", "", exchange_rounds, ["--members", "2", "--rounds", "2", "--timeout", "60"])
        line = json.loads(capsys.readouterr().out)
        assert line.pop("version")
        assert line == {
            "peer": "numpy",
            "members": 2,
            "bytes": 100,
            "tls": True,
            "rounds": [3.0, 2.0],
            "median": 2.5,
            "hub_rss_mb": 7,
        }

    def test_prints_nothing_for_fewer_rounds_than_asked(self, capsys):
        with pytest.raises(SystemExit, match="1"):
            measure_peer("numpy", "", lambda *_: Measured((1.0,), is_encrypted=True), ["--rounds", "2"])
        out, err = capsys.readouterr()
        assert out == ""
        assert err.endswith("expected 2 rounds, got 1\n")

    def test_prints_nothing_for_a_deployment_that_failed(self, capsys):
        def exchange_rounds(*_):
            raise DeploymentError("no luck")

        with pytest.raises(SystemExit, match="1"):
            measure_peer("numpy", "", exchange_rounds, [])
        out, err = capsys.readouterr()
        assert out == ""
        assert err.endswith(": no luck\n")


def test_a_certificate_serves_loopback(deployment):
    certificate, key = flower_rounds.write_certificate(deployment)
    server_side, client_side = (
        ssl.create_default_context(purpose) for purpose in (ssl.Purpose.CLIENT_AUTH, ssl.Purpose.SERVER_AUTH)
    )
    server_side.load_cert_chain(certificate, key)
    client_side.load_verify_locations(certificate)
    upstream, downstream = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_side.wrap_bio(upstream, downstream, server_side=True)
    client = client_side.wrap_bio(downstream, upstream, server_hostname="127.0.0.1")
    waiting = {client, server}
    for side in itertools.islice(itertools.cycle((client, server)), 10):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
        waiting.discard(side)
    assert not waiting


def write_log(*, complete=2, end="Finished FedAvg."):
    """A server's log of two rounds, in NVFLARE's form."""
    announcements = (
        ("10:00:00,250", "Round 0 started.", "-"),
        ("10:00:02,750", "Round 1 started.", "-"),
        ("10:00:06,000", end, "="),
    )
    head = "- FedAvg - INFO - [identity=example_project, run=1, wf=controller] -"
    lines = ["2026-11-23 09:59:59,000 - Cell - INFO - Round 9 started."]
    for moment, words, border in announcements:
        lines += [f"2026-11-23 {moment} {head} ", border * 80, words.center(80), border * 80, ""]
    lines += [
        f"2026-11-23 10:00:01,000 {head} Aggregated {each}/2 results"
        for each in (1, 2)
        for _ in range(complete)
    ]
    return "\n".join(lines)


class TestReadingNvflare:
    def test_a_round_lasts_until_the_next_or_the_end(self):
        assert nvflare_rounds.read_rounds(write_log(), EXCHANGE) == (2.5, 3.25)

    def test_refuses_rounds_without_somebody(self):
        with pytest.raises(DeploymentError, match="expected 2 rounds of all 2 members, got 1"):
            nvflare_rounds.read_rounds(write_log(complete=1), EXCHANGE)

    @pytest.mark.parametrize("log", ["", write_log(end="Round 2 started."), write_log(end="Start FedAvg.")])
    def test_refuses_a_job_that_did_not_finish(self, log):
        with pytest.raises(DeploymentError, match="FedAvg did not finish"):
            nvflare_rounds.read_rounds(log, EXCHANGE)

    @pytest.mark.parametrize(
        ("said", "over"),
        [
            (None, False),
            ("Job: 1 started to run, status changed to RUNNING.", False),
            ("Server runner finished.", True),
            ("Job: 1 child process exit with return code 1", True),
            ("Failed to run the Job (1): no room", True),
        ],
    )
    def test_knows_when_a_job_is_over(self, tmp_path, said, over):
        console = tmp_path / "console.log"
        if said is not None:
            console.write_text(said)
        assert nvflare_rounds.is_over(console) is over

    @pytest.mark.parametrize(("security", "encrypted"), [("mtls", True), ("tls", True), ("clear", False)])
    def test_says_whether_the_wire_was_encrypted(self, tmp_path, security, encrypted):
        (tmp_path / "startup").mkdir()
        (tmp_path / "startup/fed_server.json").write_text(
            json.dumps({"servers": [{"connection_security": security}]})
        )
        assert nvflare_rounds.is_encrypted(tmp_path) is encrypted
