"""What lies between a node and the hub, and does not do its work: a relay of bytes, and a proxy that repeats itself."""

import asyncio
import http.client
import http.server
import ssl
import threading
from http import HTTPStatus


class Relay:
    """Carries TCP connections to a port of this machine, as well as it is told to.

    Args:
        target: the port.
    """

    def __init__(self, target):
        self.delay_seconds = 0.0
        """How long each piece is on its way, in either direction."""
        self._target = target
        self._links = set()
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        self._open.set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay")
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]

    def freeze(self):
        """Hold back every byte; connections stay open, and new ones are taken."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def thaw(self):
        """Deliver what was held back, and go on."""
        self._loop.call_soon_threadsafe(self._open.set)

    def forget(self):
        """Deliver nothing more on the connections that there are, and tell nobody; new ones are served."""
        for link in self._links:
            link.is_forgotten = True

    def cut(self):
        """Break all connections."""
        self._do(self._cut())

    def stop(self):
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _cut(self):
        for link in tuple(self._links):
            for writer in link.writers:
                writer.transport.abort()

    async def _stop(self):
        self._server.close()
        await self._cut()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        link = _Link((writer, far_writer))
        self._links.add(link)
        try:
            await asyncio.gather(self._pump(reader, far_writer, link), self._pump(far_reader, writer, link))
        finally:
            self._links.discard(link)
            for each in link.writers:
                each.transport.abort()

    async def _pump(self, reader, writer, link):
        try:
            while data := await reader.read(65_536):
                await asyncio.sleep(self.delay_seconds)
                await self._open.wait()
                if not link.is_forgotten:
                    writer.write(data)
                    await writer.drain()
            if not link.is_forgotten:
                writer.transport.abort()
        except OSError:
            writer.transport.abort()


class _Link:
    def __init__(self, writers):
        self.writers = writers
        self.is_forgotten = False


class Repeater:
    """A proxy with the hub's own certificate that brings each request twice and loses some answers.

    Args:
        hub: the process.
        lost: of so many answers one is lost: the connection breaks instead.
    """

    def __init__(self, hub, lost):
        self.hub = hub
        self.lost = lost
        self.seen = []
        """Method, path, headers and body of each request that changes something."""
        self.second = []
        """What the hub said to each of the second ones: status, and body."""
        self.count = 0
        self.lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Repeating)
        self._server.daemon_threads = False
        self._server.repeater = self
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def start(self):
        """Take connections; the hub must have made its certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.hub.path / "tls" / "cert.pem", self.hub.path / "tls" / "key.pem")
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread.start()
        return self

    def bring(self, method, path, headers, body):
        """Bring one request to the hub; return status, headers and body of the answer."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.hub.port, context=self.hub.context(), timeout=60
        )
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def stop(self):
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Repeating(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def _repeat(self):
        repeater = self.server.repeater
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        request = (self.command, self.path, dict(self.headers.items()), body)
        try:
            status, headers, data = repeater.bring(*request)
            second = repeater.bring(*request)
        except (OSError, http.client.HTTPException):  # the hub is gone
            self.close_connection = True
            return
        with repeater.lock:
            if self.command != "GET":
                repeater.seen.append(request)
            repeater.second.append((second[0], second[2]))
            repeater.count += 1
            is_lost = repeater.count % repeater.lost == 0
        if is_lost:
            self.close_connection = True
            return
        self.send_response_only(HTTPStatus(status))
        for name, value in headers:
            if name.lower() not in {"connection", "transfer-encoding", "content-length"}:
                self.send_header(name, value)
        if status not in {204, 304}:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_POST = _repeat  # noqa: N815 - http.server's names

    def log_message(self, *_words):
        pass
