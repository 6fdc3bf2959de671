"""s3aads, by the calls of its manual; for a partition also by the faster one that it has."""

import importlib.metadata
import json

from common import BUCKET, DATE, ROWS, each_row, whole
from s3aads import Database, Table

print(json.dumps({"peer": "s3aads " + importlib.metadata.version("s3aads")}), flush=True)
table = Table(name="aads", database=Database(BUCKET), columns=["date", "id"])
of_date = sum(row["date"] == DATE for row in ROWS)


def insert(row):
    table.insert(date=row["date"], id=row["id"], data=json.dumps(row).encode())


def get(row):
    assert json.loads(table.select(date=row["date"], id=row["id"])) == row


def selected():
    """As its manual reads the rows of a query: LIST, HEAD and GET for each."""
    return len([json.loads(table.select(**key)) for key in table.query(date=DATE)])


def filtered():
    """The objects of a folder, each read by boto3: one LIST, and GET for each."""
    found = table.select_all_by_filter(DATE + "/")
    return len([json.loads(one.get()["Body"].read()) for one in found])


each_row("insert", ROWS, insert)
each_row("get", ROWS, get)
whole("query of one partition", [selected, filtered], of_date, of_date)
dates = len({row["date"] for row in ROWS})
whole("distinct", [lambda: len(table.distinct(["date"])), lambda: len(table.dates())], dates)
whole("count", [table.count], len(ROWS))
whole("list keys", [lambda: len(table.keys)], len(ROWS))
