"""A line of 11 fields with gold at its right end. Each turn each script says -1, 0 or 1."""

import json
import select
import subprocess
import sys

GOAL = 10
TURNS = 20
START_S = 20  # a script may take as long to be loaded
TURN_S = 2  # and as long for a move


class Script:
    """What a script does wrong puts it out, and only it."""

    def __init__(self, name, code):
        self.name, self.at, self.out = name, 0, None
        self.child = subprocess.Popen(
            [sys.executable, "script.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0, user="player", env={}
        )
        self.ask(code, START_S)

    def ask(self, message, seconds):
        if self.out is not None:
            return None
        try:
            self.child.stdin.write(json.dumps(message).encode() + b"\n")
            if not select.select([self.child.stdout], [], [], seconds)[0]:
                return self.end("took too long")
            answer = json.loads(self.child.stdout.readline(1024))
        except (OSError, ValueError):
            return self.end("broke off")
        if isinstance(answer, dict) and "error" in answer:
            return self.end(str(answer["error"])[:200])
        return answer

    def turn(self, view):
        answer = self.ask(view, TURN_S)
        if answer is None:
            return
        move = answer.get("move") if isinstance(answer, dict) else None
        if move in (-1, 0, 1):
            self.at = max(0, min(GOAL, self.at + move))
        else:
            self.end("no move")

    def end(self, reason):
        self.out = reason
        self.child.kill()
        self.child.wait()


def play(scripts, tell):
    for turn in range(1, TURNS + 1):
        view = {"turn": turn, "goal": GOAL, "positions": {script.name: script.at for script in scripts}}
        for script in scripts:
            script.turn({**view, "me": script.name})
        tell({"turn": turn, "positions": {script.name: script.at for script in scripts}})
        if any(script.at == GOAL for script in scripts) or all(script.out for script in scripts):
            break
    tell({"winner": next((script.name for script in scripts if script.at == GOAL), None), "out": {script.name: script.out for script in scripts if script.out}})
    for script in scripts:
        script.end(script.out)
