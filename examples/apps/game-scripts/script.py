"""A player's script, in a process of its own: a view of the arena in, a move out, a line of JSON each."""

import json
import os
import resource
import sys

code = json.loads(sys.stdin.readline())
moves = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what the script prints is no move
resource.setrlimit(resource.RLIMIT_NPROC, (8, 8))
resource.setrlimit(resource.RLIMIT_AS, (256 << 20, 256 << 20))
scope = {}
try:
    exec(compile(code, "<script>", "exec"), scope)
except Exception as error:
    moves.write(json.dumps({"error": repr(error)}) + "\n")
    moves.flush()
    sys.exit()
moves.write('"ready"\n')
moves.flush()
for line in sys.stdin:
    try:
        move = {"move": scope["move"](json.loads(line))}
    except Exception as error:
        move = {"error": repr(error)}
    moves.write(json.dumps(move) + "\n")
    moves.flush()
