"""boto3, which is no peer but what many use: the requests that s3orm makes, written by hand."""

import json

import boto3
from common import BUCKET, DATE, ROWS, each_row, whole

print(json.dumps({"peer": "boto3 " + boto3.__version__}), flush=True)
client = boto3.client("s3")
of_date = sum(row["date"] == DATE for row in ROWS)


def key(row):
    return f"boto3/{row['date']}/{row['id']}.json"


def insert(row):
    client.put_object(
        Bucket=BUCKET,
        Key=key(row),
        Body=json.dumps(row).encode(),
        ContentType="application/json",
        IfNoneMatch="*",
    )


def read(name):
    return json.loads(client.get_object(Bucket=BUCKET, Key=name)["Body"].read())


def get(row):
    assert read(key(row)) == row


def pages(prefix, **more):
    paginator = client.get_paginator("list_objects_v2")
    return paginator.paginate(Bucket=BUCKET, Prefix=prefix, **more)


def keys(prefix):
    return [one["Key"] for page in pages(prefix) for one in page.get("Contents", [])]


def distinct():
    found = pages("boto3/", Delimiter="/")
    return len([one["Prefix"] for page in found for one in page.get("CommonPrefixes", [])])


each_row("insert", ROWS, insert)
each_row("get", ROWS, get)
partition = f"boto3/{DATE}/"
whole("query of one partition", [lambda: len([read(k) for k in keys(partition)])], of_date, of_date)
whole("distinct", [distinct], len({row["date"] for row in ROWS}))
whole("count", [lambda: sum(page["KeyCount"] for page in pages("boto3/"))], len(ROWS))
whole("list keys", [lambda: len(keys("boto3/"))], len(ROWS))
