"""What the Python peers share: the rows, the clock, and a line of JSON for each operation."""

import json
import os
import time

BUCKET = os.environ["BUCKET"]
DATE = os.environ["DATE"]
with open(os.environ["ROWS"], encoding="utf-8") as lines:
    ROWS = [json.loads(line) for line in lines]
ROUNDS = 4
CALLS = 10


def report(op, each):
    print(json.dumps({"op": op, "cpu_ms": 1000 * each}), flush=True)


def each_row(op, rows, do):
    """The CPU a row, of the round that took the least: the rows are dealt out to the rounds."""
    least = float("inf")
    for part in range(ROUNDS):
        own = rows[part::ROUNDS]
        before = time.process_time()
        for row in own:
            do(row)
        least = min(least, (time.process_time() - before) / len(own))
    report(op, least)


def whole(op, ways, expected, rows=1):
    """The CPU of a call, or of each row that it reads: the least of several ways and calls."""
    least = float("inf")
    for way in ways:
        for _ in range(CALLS):
            before = time.process_time()
            found = way()
            least = min(least, time.process_time() - before)
            assert found == expected, (op, found, expected)
    report(op, least / rows)
