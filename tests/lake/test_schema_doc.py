"""docs/schema.md says what the schema says."""

from lake.schema import TABLES
from lake.schema_doc import schema_page
from lake.settings import REPOSITORY


def test_the_page_is_the_schemas() -> None:
    page = (REPOSITORY / "docs" / "schema.md").read_text()
    assert page == schema_page(), "out of date: ./run lake schema > docs/schema.md"


def test_every_column_stands_on_it_with_its_meaning() -> None:
    page = schema_page()
    for table in TABLES.values():
        section = page.split(f"\n## {table.name}\n")[1].split("\n## ")[0]
        assert all(f"| `{name}` |" in section and one.doc in section for name, one in table.columns.items())
