"""The guard: a small process that is the parent of a database server, so that a deadline binds it.

    python -m qx.adapters.guard --socket PATH --memory PATH --program NAME -- ARGV...

The server dies with its guard (parent-death signal), and its guard ends it when its time is over: SIGQUIT at the
deadline, SIGKILL to whatever is left half the margin later. Without a deadline it runs freely. The guard is a program
of its own because what it promises must hold while everything else of qx is frozen, cut off or gone; it runs on the
standard library alone, in one thread.

    duty       until when the server may run; pure, so that a simulation runs the same code
    admission  whether the node lets the server start, asked when its guard is known
    guard      the process: its child, its timer, its loop
    beat       what systemd hears of it
    talk       who asks it over its Unix socket, none of whom can hold it up
    memory     what it leaves behind: how the server ended
    linux      what the kernel does for it
    client     how the rest of qx asks it
"""
