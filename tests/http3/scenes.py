"""What a client does by HTTP/3, each as a named scene, with aioquic.

    scenes.py ADDRESS PORT SCENE [OWN...]     ends with status 0, or says what came instead

OWN are eight addresses that the client moves to.
"""

import asyncio
import socket
import ssl
import sys
import zlib

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, ProtocolNegotiated, StreamReset

PATIENCE = 30
LARGE = 20_000_000


class Answer:
    def __init__(self):
        self.heads, self.len, self.crc, self.text = [], 0, 0, b""
        self.done = asyncio.get_running_loop().create_future()

    @property
    def status(self):
        return dict(self.heads[-1])[b":status"].decode()

    def take(self, data):
        self.len += len(data)
        self.crc = zlib.crc32(data, self.crc)
        self.text = (self.text + data)[:100]

    def end(self, why=None):
        if not self.done.done():
            self.done.set_result(None) if why is None else self.done.set_exception(AssertionError(why))


class Client(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)
        self.answers, self.closed = {}, asyncio.get_running_loop().create_future()

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated):
            if not self.closed.done():
                self.closed.set_result(event.error_code)
            for answer in self.answers.values():
                answer.end(f"the connection was closed with {event.error_code:#x} {event.reason_phrase}")
        if isinstance(event, StreamReset) and event.stream_id in self.answers:
            self.answers[event.stream_id].end(f"reset with {event.error_code:#x}")
        for told in self.http.handle_event(event):
            answer = self.answers.get(told.stream_id)
            if answer and isinstance(told, HeadersReceived):
                answer.heads.append(told.headers)
            if answer and isinstance(told, DataReceived):
                answer.take(told.data)
            if answer and getattr(told, "stream_ended", False):
                answer.end()

    def ask(self, path, method="GET", body=None, fields=()):
        stream = self._quic.get_next_available_stream_id()
        names = {":method": method, ":scheme": "https", ":authority": "localhost", ":path": path}
        head = [(name.encode(), value.encode()) for name, value in names.items()]
        self.http.send_headers(stream, head + list(fields), end_stream=body is None)
        if body is not None:
            self.http.send_data(stream, body, end_stream=True)
        answer = self.answers[stream] = Answer()
        self.transmit()
        return answer

    async def get(self, *args, **kwargs):
        answer = self.ask(*args, **kwargs)
        await asyncio.wait_for(answer.done, PATIENCE)
        return answer

    async def move(self, address):
        """Sends by a new socket from now on, as a client does whose network changes."""
        plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        plain.bind((address, 0))
        before = self._transport
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: Mover(self), sock=plain)
        before.close()
        self._quic.change_connection_id()
        self.transmit()


class Mover(asyncio.DatagramProtocol):
    """Gives a client what comes by its new socket."""

    def __init__(self, client):
        self.client = client

    def connection_made(self, transport):
        self.client._transport = Connected(transport)

    def datagram_received(self, data, address):
        self.client.datagram_received(data, PEER)


class Connected:
    """A transport that knows where to send."""

    def __init__(self, transport):
        self.transport = transport

    def sendto(self, data, _=None):
        self.transport.sendto(data, (ADDRESS, PORT))

    def close(self):
        self.transport.close()


def check(found, expected, what):
    assert found == expected, f"{what}: {found!r} and not {expected!r}"


async def get(client):
    answer = await client.get("/hello")
    check((answer.status, answer.text), ("200", b"hello"), "the answer")
    check(client._quic._version, 1, "QUIC's version")


async def post(client):
    body = bytes(range(256)) * 8000
    answer = await client.get("/", method="PUT", body=body)
    check(answer.text, f"{zlib.crc32(body):08x}\n".encode(), "the checksum")


async def download(client):
    answer = await client.get(f"/bytes/{LARGE}")
    check((answer.status, answer.len), ("200", LARGE), "the download")
    return answer.crc


async def many(client):
    answers = await asyncio.gather(*(client.get("/bytes/2000") for _ in range(500)))
    check({(answer.status, answer.len) for answer in answers}, {("200", 2000)}, "the answers")


async def nothing_there(client):
    answer = await client.get("/status/nowhere", method="POST", body=b"")
    check(answer.status[0], "4", "the class of the status")


async def migrate(client):
    """Eight times, so that a worker that others' datagrams do not reach is found out."""
    expected = await download(client)
    answer = client.ask(f"/bytes/{LARGE}")
    for at, address in enumerate(OWN, 1):
        while answer.len < LARGE * at // 10:
            assert not client.closed.done(), "the connection was closed"
            await asyncio.sleep(0.005)
        await client.move(address)
    await asyncio.wait_for(answer.done, PATIENCE)
    check((answer.len, answer.crc), (LARGE, expected), "the download")


async def wait_to_be_closed(client):
    """A download runs while the server is told to stop; then the connection ends without an error."""
    answer = client.ask(f"/bytes/{LARGE}")
    while answer.len == 0:
        await asyncio.sleep(0.005)
    print("running", flush=True)
    await asyncio.wait_for(answer.done, PATIENCE)
    check(answer.len, LARGE, "the download")
    check(await asyncio.wait_for(client.closed, PATIENCE), 0x100, "the code")


async def hold(client):
    """A connection lives on while something happens to the server: a line comes when it has."""
    await get(client)
    print("running", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    await get(client)
    await many(client)


async def proved(client):
    assert client._quic._retry_source_connection_id is not None, "no Retry came"
    await get(client)


async def identified(client):
    """Rotation 1, server id 0102 (draft-ietf-quic-load-balancers section 4.1)."""
    await get(client)
    identifiers = [client._quic._peer_cid.cid, *(spare.cid for spare in client._quic._peer_cid_available)]
    assert len(identifiers) > 2, "no spare connection ids came"
    for identifier in identifiers:
        check((identifier[0] >> 5, identifier[1:3], len(identifier)), (1, b"\x01\x02", 9), "a connection id")


SCENES = {
    "a GET": get,
    "a PUT with a body": post,
    "a large download": download,
    "500 requests at once": many,
    "a request that no route takes": nothing_there,
    "a client that moves during a download": migrate,
    "a server that stops gracefully": wait_to_be_closed,
    "a connection that is held": hold,
    "a Retry": proved,
    "connection ids that name the node": identified,
}


def configuration(**more):
    return QuicConfiguration(alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_NONE, server_name="localhost", **more)


async def early(address, port):
    """A GET before the handshake is complete, and a PUT, which must wait."""
    tickets = []
    options = {"create_protocol": Client, "session_ticket_handler": tickets.append}
    async with connect(address, port, configuration=configuration(), **options) as client:
        await get(client)
        await client.ping()
    assert tickets, "no ticket came"
    again = configuration(session_ticket=tickets[0])
    async with connect(address, port, configuration=again, wait_connected=False, **options) as client:
        taken = client.ask("/hello")
        refused = client.ask("/", method="PUT", body=b"x")
        await asyncio.wait_for(asyncio.gather(taken.done, refused.done), PATIENCE)
        assert client._quic.tls.early_data_accepted, "early data was not accepted"
        check((taken.status, refused.status), ("200", "425"), "the answers")
        check((await client.get("/", method="PUT", body=b"x")).status, "200", "behind the handshake")


async def run(address, port, scene):
    if scene == "0-RTT":
        return await early(address, port)
    async with connect(address, port, configuration=configuration(), create_protocol=Client) as client:
        await SCENES[scene](client)


ADDRESS, PORT, SCENE = sys.argv[1], int(sys.argv[2]), sys.argv[3]
OWN = sys.argv[4:] or [f"127.0.0.{number}" for number in range(2, 10)]
# As aioquic's own socket has it.
PEER = (f"::ffff:{ADDRESS}", PORT, 0, 0)
try:
    asyncio.run(run(ADDRESS, PORT, SCENE))
except (AssertionError, TimeoutError, asyncio.TimeoutError, ConnectionError) as error:
    sys.exit(f"{SCENE}: {str(error) or 'nothing came in time'}")
