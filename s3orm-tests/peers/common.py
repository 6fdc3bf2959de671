"""What the Python peers share: the rows, the clocks, and rounds of a line of JSON for each task."""

import json
import os
import sys
import time

BUCKET = os.environ["BUCKET"]
DATE = os.environ["DATE"]
with open(os.environ["ROWS"], encoding="utf-8") as lines:
    ROWS = [json.loads(line) for line in lines]
# Those that are read and changed one by one, and those that are deleted.
SAMPLE = ROWS[0::4]
DELETED = ROWS[1::4]
CALLS = 5


def say(line):
    print(json.dumps(line), flush=True)


def rounds(name, once):
    """Runs `once` with the number of each round that is asked for."""
    say({"peer": name})
    for number in sys.stdin:
        once(int(number))
        say({"round": int(number)})


def clocked(work):
    """Milliseconds of this process's CPU, and by the clock."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return 1000 * (time.process_time() - cpu), 1000 * (time.perf_counter() - wall)


def report(op, least):
    say({"op": op, "cpu_ms": least[0], "wall_ms": least[1]})


def each_row(op, rows, do):
    """The cost of a row."""

    def work():
        for row in rows:
            do(row)

    report(op, [time / len(rows) for time in clocked(work)])


def whole(op, ways, expected, rows=1):
    """The cost of a call, or of each row that it reads: the cheapest of several ways."""
    least = (float("inf"), float("inf"))
    for way in ways:
        found = []
        times = clocked(lambda: found.extend(way() for _ in range(CALLS)))
        assert found == [expected] * CALLS, (op, found, expected)
        least = min(least, tuple(time / CALLS / rows for time in times))
    report(op, least)
