"""Writes down every event that it gets, a line of JSON each, where NOTES says."""

import json
import os


def handler(event, context):
    with open(os.environ["NOTES"], "a", encoding="utf-8") as notes:
        notes.write(json.dumps(event) + "\n")
