"""Control of nodes: `local` beside the server, `command` through a program that carries requests to `agent`
there.
"""
