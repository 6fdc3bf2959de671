"""boto3, which is no peer but what many use: the requests that s3orm makes, written by hand."""

import json

import boto3
from common import BUCKET, DATE, DELETED, ROWS, SAMPLE, each_row, rounds, whole

client = boto3.client("s3")
of_date = sum(row["date"] == DATE for row in ROWS)


def read(name):
    return json.loads(client.get_object(Bucket=BUCKET, Key=name)["Body"].read())


def pages(prefix, **more):
    paginator = client.get_paginator("list_objects_v2")
    return paginator.paginate(Bucket=BUCKET, Prefix=prefix, **more)


def keys(prefix):
    return [one["Key"] for page in pages(prefix) for one in page.get("Contents", [])]


def once(number):
    table = f"boto3-{number}/"

    def key(row):
        return f"{table}{row['date']}/{row['id']}.json"

    def write(row, **condition):
        body = json.dumps(row).encode()
        client.put_object(
            Bucket=BUCKET, Key=key(row), Body=body, ContentType="application/json", **condition
        )

    def get(row):
        assert read(key(row)) == row

    def update(row):
        answer = client.get_object(Bucket=BUCKET, Key=key(row))
        found = json.loads(answer["Body"].read())
        found["age"] += 1
        write(found, IfMatch=answer["ETag"])

    def count():
        return sum(page["KeyCount"] for page in pages(table))

    def distinct():
        found = pages(table, Delimiter="/")
        return len([one["Prefix"] for page in found for one in page.get("CommonPrefixes", [])])

    each_row("insert", ROWS, lambda row: write(row, IfNoneMatch="*"))
    each_row("get", SAMPLE, get)
    partition = f"{table}{DATE}/"
    whole("rows of one partition", [lambda: len([read(k) for k in keys(partition)])], of_date, of_date)
    whole("distinct", [distinct], len({row["date"] for row in ROWS}))
    whole("count", [count], len(ROWS))
    whole("list keys", [lambda: len(keys(table))], len(ROWS))
    each_row("update", SAMPLE, update)
    assert read(key(SAMPLE[0]))["age"] == SAMPLE[0]["age"] + 1
    each_row("delete", DELETED, lambda row: client.delete_object(Bucket=BUCKET, Key=key(row)))
    assert count() == len(ROWS) - len(DELETED)


rounds("boto3 " + boto3.__version__, once)
