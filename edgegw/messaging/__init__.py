"""What SQS decides about messages: who gets them, when, in which order, and where they end.

Nothing here waits, stores or looks at a clock: time comes in as seconds, stored rows as values.
`queue.py` has the values, `sending.py` what may be sent, `receiving.py` who is given what,
`receipts.py` the handles, `digests.py` the MD5s, `queue_attributes.py` a queue's settings as AWS
writes them, `queue_errors.py` what is refused and how.

Source: Amazon SQS Developer Guide and API Reference.
"""
