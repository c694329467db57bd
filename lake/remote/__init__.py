"""A lake's copy in a bucket, which a lab shares and a browser reads: `./run lake push | pull | status`.

    lake.json                what the place is
    objects/<sha256>.parquet the bytes of one file of a snapshot, never changed
    snapshots/<id>.json      which files a snapshot has, never changed
    commits/<sha256>.json    one publication: its snapshot and the commit before it, never changed
    tags/<name>.json         a commit with a name that stays
    latest.json              the newest commit; the one file that changes, and only by compare and set

A push writes them in that order, so whatever names a file comes after the file.
"""
