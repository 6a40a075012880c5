"""The real binary under test, and the small tools to drive and to measure it.

Standard library only, so that `scripts/bench` and `scripts/torture` use it without a virtual environment. Reading order:
`wait` (polling with a deadline), `sigv4` and `api` (a signed client that can also be made to misbehave), `process` (a hub and
its agents in temporary folders), `websocket` and `session` (a shell as the browser has it), `door` (a node's own socket),
`measure` (CPU and memory).
"""
