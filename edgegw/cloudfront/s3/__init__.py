"""What a bucket answers: decisions of Amazon S3 as an origin, over what the files are found to be.

`bucket` says whom a bucket lets read, `keys` which object a path means and which file that can be,
`objects` what is said of an object (conditions, ranges, headers), `refusals` the errors in XML and
HTML, `website` the other face of a bucket. Who has the files opens them (`gateway/origins`).
"""
