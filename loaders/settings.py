"""Each setting of each frozen config, by its dotted key: SQL in a page cannot take JSON apart."""

import json

import duckdb
import pyarrow as pa

from loaders.flat import flat

_SCHEMA = pa.schema([("config_digest", pa.string()), ("key", pa.string()), ("value", pa.string())])


def load(lake: duckdb.DuckDBPyConnection) -> pa.Table:
    """A row a setting; a run has those of its `config_digest`. Text stands as it is, all else as JSON writes it."""
    configs = lake.execute(
        "SELECT config_digest, min(config_json) FROM runs WHERE origin IS NULL GROUP BY config_digest ORDER BY ALL"
    )
    rows = [
        {"config_digest": digest, "key": key, "value": value}
        for digest, text in configs.fetchall()
        for key, value in flat(json.loads(text))
    ]
    return pa.Table.from_pylist(rows, schema=_SCHEMA)
