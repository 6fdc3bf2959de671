"""s3aads, by the calls of its manual; for a partition also by the faster one that it has."""

import importlib.metadata
import json

from common import BUCKET, DATE, DELETED, ROWS, SAMPLE, each_row, rounds, whole
from s3aads import Database, Table

database = Database(BUCKET)
of_date = sum(row["date"] == DATE for row in ROWS)
dates = len({row["date"] for row in ROWS})


def once(number):
    table = Table(name=f"aads-{number}", database=database, columns=["date", "id"])

    def insert(row):
        table.insert(date=row["date"], id=row["id"], data=json.dumps(row).encode())

    def read(row):
        return json.loads(table.select(date=row["date"], id=row["id"]))

    def get(row):
        assert read(row) == row

    def selected():
        """As its manual reads the rows of a query: LIST, HEAD and GET for each."""
        return len([json.loads(table.select(**key)) for key in table.query(date=DATE)])

    def filtered():
        """The objects of a folder, each read by boto3: one LIST, and GET for each."""
        found = table.select_all_by_filter(DATE + "/")
        return len([json.loads(one.get()["Body"].read()) for one in found])

    def update(row):
        """It has no call for it: the row is read and written over."""
        found = read(row)
        found["age"] += 1
        insert(found)

    each_row("insert", ROWS, insert)
    each_row("get", SAMPLE, get)
    whole("rows of one partition", [selected, filtered], of_date, of_date)
    whole("distinct", [lambda: len(table.distinct(["date"])), lambda: len(table.dates())], dates)
    whole("count", [table.count], len(ROWS))
    whole("list keys", [lambda: len(table.keys)], len(ROWS))
    each_row("update", SAMPLE, update)
    assert read(SAMPLE[0])["age"] == SAMPLE[0]["age"] + 1
    each_row("delete", DELETED, lambda row: table.delete(date=row["date"], id=row["id"]))
    assert table.count() == len(ROWS) - len(DELETED)


rounds("s3aads " + importlib.metadata.version("s3aads"), once)
