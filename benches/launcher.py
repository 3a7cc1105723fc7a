"""Starts one program and writes what it used; run with ``python -I -S``, so that it is small itself.

Linux counts the memory of the process that called ``exec`` into the peak of the program it became. A
benchmark that starts programs straight from a large Python process therefore reports its own size for
every small program. This file imports nothing beyond ``os``, ``sys`` and ``time``: its share is about 5 MiB,
and figures at or below that say "at most this".

Usage: launcher.py RESULT STDOUT STDERR PROGRAM [ARGUMENT...]

RESULT gets one line: exit status, wall seconds, CPU seconds (user + system), peak resident KiB.
"""

import os
import sys
import time


def redirect(path, descriptor):
    """Sends a file descriptor into the file at ``path``."""
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(target, descriptor)
    os.close(target)


def main():
    result, out, err, program, *arguments = sys.argv[1:]
    start = time.perf_counter()
    child = os.fork()
    if child == 0:
        try:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            redirect(out, 1)
            redirect(err, 2)
            os.execvp(program, [program, *arguments])
        except OSError as error:
            os.write(2, f"{program}: {error}\n".encode())
        finally:
            os._exit(127)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - start
    code = os.waitstatus_to_exitcode(status)
    with open(result, "w") as file:
        file.write(f"{code} {wall!r} {usage.ru_utime + usage.ru_stime!r} {usage.ru_maxrss}\n")


main()
