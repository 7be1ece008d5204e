"""What a client can do wrong by HTTP/3 (RFC 9114) and QPACK (RFC 9204), each as a named case, with aioquic.

    errors.py --list                 names of the cases
    errors.py ADDRESS PORT CASE      ends with status 0, or says what came instead
"""

import asyncio
import ssl
import sys

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StopSendingReceived, StreamDataReceived, StreamReset

PATIENCE = 10


def integer(value):
    """RFC 9000 section 16."""
    for size, form in ((1, 0), (2, 1), (4, 2), (8, 3)):
        if value < 1 << (8 * size - 2):
            return (value | form << (8 * size - 2)).to_bytes(size, "big")


def frame(kind, payload=b""):
    return integer(kind) + integer(len(payload)) + payload


def prefixed(pattern, bits, value):
    """RFC 7541 section 5.1."""
    full = (1 << bits) - 1
    if value < full:
        return bytes([pattern | value])
    out, value = [pattern | full], value - full
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + [value])


def section(*lines):
    """Literal lines, nothing compressed (RFC 9204 section 4.5.6)."""
    text = [prefixed(0x20, 3, len(name)) + name + prefixed(0, 7, len(value)) + value for name, value in lines]
    return b"\x00\x00" + b"".join(text)


def headers(*lines):
    return frame(1, section(*lines))


GET = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"localhost"), (b":path", b"/")]
# A backend reads it.
POST = [(b":method", b"PUT")] + GET[1:]
HEAD = [(b":method", b"HEAD")] + GET[1:]
SETTINGS = frame(4)
CONTROL, PUSH, ENCODER, DECODER = b"\x00", b"\x01", b"\x02", b"\x03"


class Client(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.closed = asyncio.get_running_loop().create_future()
        self.streams = {}
        self.news = asyncio.Event()

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated) and not self.closed.done():
            self.closed.set_result(event.error_code)
        stream = self.streams.setdefault(getattr(event, "stream_id", None), {"data": b"", "ended": False})
        if isinstance(event, StreamDataReceived):
            stream["data"] += event.data
            stream["ended"] |= event.end_stream
        elif isinstance(event, StreamReset):
            stream["reset"] = event.error_code
        elif isinstance(event, StopSendingReceived):
            stream["stop"] = event.error_code
        self.news.set()

    def send(self, data, ends=False, unidirectional=False):
        stream = self._quic.get_next_available_stream_id(is_unidirectional=unidirectional)
        self.more(stream, data, ends)
        return stream

    def more(self, stream, data, ends=False):
        self._quic.send_stream_data(stream, data, ends)
        self.transmit()

    def one_way(self, data, ends=False):
        return self.send(data, ends, unidirectional=True)

    async def until(self, what):
        async def wait():
            while not what():
                self.news.clear()
                await self.news.wait()

        await asyncio.wait_for(wait(), PATIENCE)

    def of(self, stream):
        return self.streams.get(stream, {"data": b"", "ended": False})


def closes(code):
    """The connection ends with this code."""

    async def expect(client, _):
        got = await asyncio.wait_for(client.closed, PATIENCE)
        assert got == code, f"closed with {got:#x} and not {code:#x}"

    return expect


def resets(code):
    """The stream ends with this code, the connection goes on."""

    async def expect(client, stream):
        await client.until(lambda: "reset" in client.of(stream) or client.closed.done())
        assert not client.closed.done(), f"the connection was closed with {client.closed.result():#x}"
        got = client.of(stream)["reset"]
        assert got == code, f"reset with {got:#x} and not {code:#x}"
        await serves(client, client.send(headers(*GET), ends=True))

    return expect


def stops(code):
    """The client is asked to stop, the connection goes on."""

    async def expect(client, stream):
        await client.until(lambda: "stop" in client.of(stream) or client.closed.done())
        assert not client.closed.done(), "the connection was closed"
        got = client.of(stream)["stop"]
        assert got == code, f"stopped with {got:#x} and not {code:#x}"
        await serves(client, client.send(headers(*GET), ends=True))

    return expect


async def serves(client, stream):
    """The request is answered."""
    await client.until(lambda: client.of(stream)["ended"] or client.closed.done() or "reset" in client.of(stream))
    assert not client.closed.done(), f"the connection was closed with {client.closed.result():#x}"
    assert client.of(stream)["ended"], "the stream was reset"
    # HEADERS, and in it line 25 of the static table: the status is 200.
    assert client.of(stream)["data"][:1] == b"\x01" and b"\xd9" in client.of(stream)["data"][:8], "not 200"


async def serves_bare(client, stream):
    """The request is answered with a head alone."""
    await serves(client, stream)
    data = client.of(stream)["data"]
    # A type and a length of two bytes.
    assert len(data) == 3 + int.from_bytes(data[1:3], "big") - 0x4000, "more than a head"


def control(data, ends=False):
    return lambda client: client.one_way(CONTROL + data, ends)


def request(data, ends=True):
    def act(client):
        client.one_way(CONTROL + SETTINGS)
        return client.send(data, ends)

    return act


def after_settings(stream, ends=False):
    def act(client):
        client.one_way(CONTROL + SETTINGS)
        return client.one_way(stream, ends)

    return act


def twice(kind):
    def act(client):
        client.one_way(CONTROL + SETTINGS)
        client.one_way(kind)
        return client.one_way(kind)

    return act


def table(encoder, stream, ends=True):
    """Instructions by the encoder stream, then a request that needs them."""

    def act(client):
        client.one_way(CONTROL + SETTINGS)
        client.one_way(ENCODER + encoder)
        return client.send(stream, ends)

    return act


def late_table(client):
    client.one_way(CONTROL + SETTINGS)
    lines = section(*GET)[2:]
    stream = client.send(frame(1, b"\x02\x80" + lines + b"\x10"), True)
    client.one_way(ENCODER + b"\x3f\xe1\x1f" + b"\x41x\x01y")
    return stream


def all_blocked(client):
    client.one_way(CONTROL + SETTINGS)
    for _ in range(17):
        stream = client.send(frame(1, b"\x02\x80\x10"), True)
    return stream


async def cancelled(client, _):
    stream = client.send(headers(*POST))
    client._quic.reset_stream(stream, 0x10C)
    client._quic.stop_stream(stream, 0x10C)
    client.transmit()
    await serves(client, client.send(headers(*GET), ends=True))


def nothing(client):
    client.one_way(CONTROL + SETTINGS)


def without(at):
    return headers(*(GET[:at] + GET[at + 1 :]))


def malformed(*lines, body=b""):
    return request(headers(*GET, *lines) + body), resets(0x10E)


BODY = frame(0, b"abc")
UNEXPECTED = closes(0x105)

CASES = {
    # RFC 9114 section 6.2 and 6.2.1
    "a control stream ends": (control(SETTINGS, True), closes(0x104)),
    "an encoder stream ends": (after_settings(ENCODER, True), closes(0x104)),
    "a decoder stream ends": (after_settings(DECODER, True), closes(0x104)),
    "a second control stream": (twice(CONTROL + SETTINGS), closes(0x103)),
    "a second encoder stream": (twice(ENCODER), closes(0x103)),
    "a second decoder stream": (twice(DECODER), closes(0x103)),
    "a push stream of a client": (after_settings(PUSH + b"\x00"), closes(0x103)),
    "a stream of a reserved type": (after_settings(integer(0x1F * 9 + 0x21) + b"x"), stops(0x103)),
    "no settings": (control(frame(7, b"\x00")), closes(0x10A)),
    # section 7.2
    "settings twice": (control(SETTINGS + SETTINGS), UNEXPECTED),
    "DATA on the control stream": (control(SETTINGS + BODY), UNEXPECTED),
    "HEADERS on the control stream": (control(SETTINGS + headers(*GET)), UNEXPECTED),
    "PUSH_PROMISE on the control stream": (control(SETTINGS + frame(5, b"\x00")), UNEXPECTED),
    "DATA before HEADERS": (request(BODY + headers(*GET)), UNEXPECTED),
    "HEADERS behind trailers": (request(headers(*POST) + headers() + headers()), UNEXPECTED),
    "DATA behind trailers": (request(headers(*POST) + headers() + BODY), UNEXPECTED),
    "SETTINGS on a request stream": (request(SETTINGS), UNEXPECTED),
    "GOAWAY on a request stream": (request(headers(*GET) + frame(7, b"\x00"), False), UNEXPECTED),
    "CANCEL_PUSH on a request stream": (request(frame(3, b"\x00")), UNEXPECTED),
    "MAX_PUSH_ID on a request stream": (request(frame(13, b"\x00")), UNEXPECTED),
    "PUSH_PROMISE of a client": (request(frame(5, b"\x00")), UNEXPECTED),
    **{f"frame {kind:#x} of HTTP/2 on a request stream": (request(frame(kind)), UNEXPECTED) for kind in (2, 6, 8, 9)},
    **{f"frame {kind:#x} of HTTP/2 on the control stream": (control(SETTINGS + frame(kind)), UNEXPECTED) for kind in (2, 6, 8, 9)},
    "frames of reserved types": (request(frame(0x21, b"x") + headers(*GET) + frame(0x40, b"y")), serves),
    "a reserved frame on the control stream": (lambda c: (control(SETTINGS + frame(0x21, b"x"))(c), c.send(headers(*GET), True))[1], serves),
    "a GOAWAY that takes back an earlier one": (control(SETTINGS + frame(7, b"\x00") + frame(7, b"\x04")), closes(0x108)),
    "a MAX_PUSH_ID that takes back an earlier one": (control(SETTINGS + frame(13, b"\x04") + frame(13, b"\x00")), closes(0x108)),
    "CANCEL_PUSH of what was not promised": (control(SETTINGS + frame(3, b"\x00")), closes(0x108)),
    # section 7.1
    "a frame that the stream's end cuts": (request(headers(*POST) + b"\x00\x05ab"), closes(0x106)),
    "a frame's head that the stream's end cuts": (request(headers(*POST) + b"\x00\x40"), closes(0x106)),
    "a GOAWAY longer than its integer": (control(SETTINGS + frame(7, b"\x00\x00")), closes(0x106)),
    "a MAX_PUSH_ID without an integer": (control(SETTINGS + frame(13)), closes(0x106)),
    "settings that are cut off": (control(frame(4, b"\x06")), closes(0x106)),
    # section 7.2.4
    "a setting twice": (control(frame(4, b"\x06\x10\x06\x10")), closes(0x109)),
    **{f"setting {kind:#x} of HTTP/2": (control(frame(4, bytes([kind, 1]))), closes(0x109)) for kind in (2, 3, 4, 5)},
    "a setting that is neither on nor off": (control(frame(4, b"\x08\x02")), closes(0x109)),
    "a reserved setting": (lambda c: (control(frame(4, b"\x21\x07"))(c), c.send(headers(*GET), True))[1], serves),
    # section 4.1 to 4.4
    "a stream without a request": (request(b""), resets(0x10D)),
    "no method": (request(without(0)), resets(0x10E)),
    "no scheme": (request(without(1)), resets(0x10E)),
    "no authority": (request(without(2)), resets(0x10E)),
    "no path": (request(without(3)), resets(0x10E)),
    "an empty path": (request(headers(*GET[:3], (b":path", b""))), resets(0x10E)),
    "a path twice": (request(headers(*GET, GET[3])), resets(0x10E)),
    "a status in a request": (request(headers(*GET, (b":status", b"200"))), resets(0x10E)),
    "an unknown pseudo-header field": (request(headers(*GET, (b":x", b"y"))), resets(0x10E)),
    "a pseudo-header field behind a field": (request(headers(*GET[:3], (b"x", b"y"), GET[3])), resets(0x10E)),
    "a protocol without CONNECT": (request(headers(*GET, (b":protocol", b"websocket"))), resets(0x10E)),
    "CONNECT with a path": (request(headers((b":method", b"CONNECT"), *GET[2:])), resets(0x10E)),
    "a Host that is not the authority": malformed((b"host", b"other")),
    "upper case in a name": malformed((b"X-A", b"y")),
    "a space in a name": malformed((b"x a", b"y")),
    "a line feed in a value": malformed((b"x", b"y\nz: 1")),
    "a carriage return in a value": malformed((b"x", b"y\rz")),
    "a NUL in a value": malformed((b"x", b"y\0")),
    "Connection": malformed((b"connection", b"close")),
    "Transfer-Encoding": malformed((b"transfer-encoding", b"chunked")),
    "Keep-Alive": malformed((b"keep-alive", b"5")),
    "Upgrade": malformed((b"upgrade", b"x")),
    "TE other than trailers": malformed((b"te", b"gzip")),
    "two lengths": malformed((b"content-length", b"3"), (b"content-length", b"3"), body=BODY),
    "a length that is no number": malformed((b"content-length", b"+3"), body=BODY),
    "a body longer than its length": (request(headers(*POST, (b"content-length", b"2")) + BODY), resets(0x10E)),
    "a body shorter than its length": (request(headers(*POST, (b"content-length", b"4")) + BODY), resets(0x10E)),
    "a pseudo-header field among the trailers": (request(headers(*POST) + BODY + headers(GET[3])), resets(0x10E)),
    "a HEAD": (request(headers(*HEAD)), serves_bare),
    "trailers": (request(headers(*POST) + BODY + headers((b"x-sum", b"7"))), serves),
    "a request that is cancelled": (nothing, cancelled),
    # RFC 9204 section 2 to 4
    "a line that the static table has not": (request(frame(1, b"\x00\x00\xff\x24")), closes(0x200)),
    "a dynamic line where there is none": (request(frame(1, b"\x00\x00\x80")), closes(0x200)),
    "a required insert count that cannot be": (request(frame(1, b"\xff\xff\x03\x00\x80")), closes(0x200)),
    "a base before the first field": (request(frame(1, b"\x00\x80")), closes(0x200)),
    "a field section without a prefix": (request(frame(1, b"")), closes(0x200)),
    "a value that is cut off": (request(frame(1, b"\x00\x00\x51\x05ab")), closes(0x200)),
    "a value that is not in the code": (request(frame(1, b"\x00\x00\x51\x81\x00")), closes(0x200)),
    "a table that waits": (late_table, serves),
    "more streams that wait than may": (all_blocked, closes(0x200)),
    "a table larger than it may be": (after_settings(ENCODER + b"\x3f\xe2\x1f"), closes(0x201)),
    "an entry before there is a table": (after_settings(ENCODER + b"\x41x\x01y"), closes(0x201)),
    "a copy of nothing": (after_settings(ENCODER + b"\x3f\xe1\x1f\x00"), closes(0x201)),
    "a name that the static table has not": (after_settings(ENCODER + b"\x3f\xe1\x1f\xff\x24\x00"), closes(0x201)),
    "an acknowledgement of what was not sent": (after_settings(DECODER + b"\x80"), closes(0x202)),
    "an increment by nothing": (after_settings(DECODER + b"\x00"), closes(0x202)),
    "an increment beyond what was sent": (after_settings(DECODER + b"\x05"), closes(0x202)),
    "a cancellation": (lambda c: (after_settings(DECODER + b"\x44")(c), c.send(headers(*GET), True))[1], serves),
}


async def run(address, port, case):
    act, expect = CASES[case]
    configuration = QuicConfiguration(alpn_protocols=["h3"], verify_mode=ssl.CERT_NONE, server_name="localhost")
    async with connect(address, port, configuration=configuration, create_protocol=Client) as client:
        await expect(client, act(client))


if sys.argv[1:] == ["--list"]:
    print("\n".join(CASES))
else:
    try:
        asyncio.run(run(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
    except (AssertionError, TimeoutError, asyncio.TimeoutError) as error:
        sys.exit(f"{sys.argv[3]}: {str(error) or 'nothing came in time'}")
