"""An SSH server that runs what it is asked to, for whoever has the key."""

import asyncio
import threading

import asyncssh


class SshServer:
    """Serves on the loopback from a thread of its own; knows one key (`known`) and not the other (`other`), both as OpenSSH writes them."""

    def __init__(self):
        known, other = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
        self.keys = {"known": known.export_private_key().decode(), "other": other.export_private_key().decode()}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._listener = self._call(self._listen(known.convert_to_public()))
        self.url = f"ssh://127.0.0.1:{self._listener.get_port()}"

    @staticmethod
    async def _listen(known):
        keys = [asyncssh.generate_private_key("ssh-ed25519")]
        return await asyncssh.create_server(lambda: _OneKey(known), "127.0.0.1", 0, server_host_keys=keys, process_factory=_run, encoding=None)

    def _call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def close(self):
        async def end():
            self._listener.close()
            await self._listener.wait_closed()

        self._call(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)


class _OneKey(asyncssh.SSHServer):
    def __init__(self, key):
        self.key = key

    def begin_auth(self, username):
        return True

    def public_key_auth_supported(self):
        return True

    def validate_public_key(self, username, key):
        return key == self.key


async def _run(process):
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), asyncio.subprocess.PIPE)
    child = await asyncio.create_subprocess_shell(process.command, **pipes)
    await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr)
    process.exit(await child.wait())
