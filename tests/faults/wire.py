"""A proxy before a store: it can be cut, and notes which writes the store has acknowledged."""

import asyncio
import contextlib
import struct
import threading

import bson

HEADER = struct.Struct("<iiii")
OP_MSG = 2013


class Proxy:
    """Forwards connections to a server on this machine.

    `acknowledged` holds the inserts and the updates that the server has confirmed and whose
    confirmation reached the client: each with its database, its collection, and the document or
    the update.
    """

    def __init__(self, port, host="127.0.0.1"):
        self._target = port
        self._host = host
        self._loop = asyncio.new_event_loop()
        self._whole = True
        self._writers = set()
        self._promised = {}
        self.acknowledged = {"insert": [], "update": []}
        self.port = None
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        started.wait()

    def cut(self):
        """Break every connection and refuse new ones."""
        self._loop.call_soon_threadsafe(self._cut)

    def mend(self):
        """Let connections through again."""
        self._whole = True

    def aim(self, port):
        """Forward new connections to another port."""
        self._target = port

    def close(self):
        self.cut()
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self):
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # Connections that were aborted are closed by the loop's next turns.
        for _ in range(5):
            await asyncio.sleep(0.01)

    def _run(self, started):
        async def listen():
            self._server = await asyncio.start_server(self._serve, self._host, 0)
            self.port = self._server.sockets[0].getsockname()[1]
            started.set()

        self._loop.run_until_complete(listen())
        self._loop.run_forever()

    def _cut(self):
        self._whole = False
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader, writer):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            if not self._whole:
                writer.transport.abort()
                return
            try:
                upstream = await asyncio.open_connection("127.0.0.1", self._target)
            except OSError:
                writer.transport.abort()
                return
            ends = {writer, upstream[1]}
            self._writers |= ends
            asked = {}
            try:
                await asyncio.gather(
                    self._pump(reader, upstream[1], lambda *m: self._request(asked, *m)),
                    self._pump(upstream[0], writer, lambda *m: self._answer(asked, *m)),
                )
            finally:
                self._writers -= ends
                for end in ends:
                    end.transport.abort()

    async def _pump(self, reader, writer, note):
        while True:
            header = await reader.readexactly(HEADER.size)
            length, number, answers, code = HEADER.unpack(header)
            body = await reader.readexactly(length - HEADER.size)
            writer.write(header + body)
            await writer.drain()
            if code == OP_MSG:
                note(number, answers, body)

    def _request(self, asked, number, _, body):
        if b"\x02insert\x00" in body or b"\x02update\x00" in body:
            asked[number] = parse(body)

    def _answer(self, asked, _, answers, body):
        command = asked.pop(answers, None)
        if command is None or not self._whole:
            return
        kind = next(iter(command))
        written = command["documents" if kind == "insert" else "updates"]
        reply = parse(body)
        if reply.get("ok") == 1 and reply.get("n") == len(written) and "writeErrors" not in reply:
            place = (command["$db"], command[kind])
            self.acknowledged[kind] += [(*place, each) for each in written]


def parse(body):
    """The command of an OP_MSG, its document sequences put back where they belong."""
    command, at = {}, 4
    while at < len(body) - 4:
        kind = body[at]
        (size,) = struct.unpack_from("<i", body, at + 1)
        section = body[at + 1 : at + 1 + size]
        if kind == 0:
            command = {**bson.decode(section), **command}
        else:
            name, _, documents = section[4:].partition(b"\x00")
            command[name.decode()] = bson.decode_all(documents)
        at += 1 + size
    first = [key for key in command if key in ("insert", "update")]
    return {key: command[key] for key in (*first, *(k for k in command if k not in first))}
