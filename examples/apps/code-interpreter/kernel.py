"""The kernel: runs one cell after another in one namespace. A line of JSON in, a line of JSON out."""

import ast
import contextlib
import io
import json
import os
import random
import signal
import sys
import traceback

namespace = {"__name__": "__main__"}


def execute(code):
    """What the cell printed, the value of its last expression, and its error."""
    printed = io.StringIO()
    value = error = None
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            tree = ast.parse(code, "<cell>")
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, "<cell>", "exec"), namespace)
            if last is not None:
                value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), namespace)
        except BaseException:  # also SystemExit and the interrupt: the kernel goes on
            error = traceback.format_exc(limit=-1)
    return {"stdout": printed.getvalue(), "value": None if value is None else repr(value), "error": error}


def main():
    # The cells get no hold of the channel: what they print is collected, and file descriptor 1 is /dev/null.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.chdir("/notebook")
    for line in sys.stdin:
        message = json.loads(line)
        if message.get("reseed"):
            random.seed()
            continue
        signal.signal(signal.SIGINT, signal.default_int_handler)
        result = execute(message["code"])
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt that comes late hits nothing
        answers.write(json.dumps(result) + "\n")
        answers.flush()


signal.signal(signal.SIGINT, signal.SIG_IGN)
main()
