"""What SQS and streams decide: who gets what, when, in which order, and where it ends.

Nothing here waits, stores or looks at a clock: time comes in as seconds, stored rows as values.

Queues: `queue.py` has the values, `sending.py` what may be sent, `receiving.py` who is given what,
`receipts.py` the handles, `digests.py` the MD5s, `queue_attributes.py` a queue's settings as AWS
writes them, `queue_errors.py` what is refused and how.

Streams: `stream.py` has the values, `sharding.py` which shard takes a record and how records are
numbered, `shard_iterators.py` where a reader is, `dynamodb_records.py` the changes of a table,
`stream_calls.py` and `stream_json.py` what calls say and what they are answered.

Source: SQS Developer Guide and SQS API Reference.
"""
