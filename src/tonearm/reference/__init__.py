"""All tables of the reference system made on any folder, and one page that sets them beside the published ones.

Conventions
-----------
`tables/*.toml` are the configs (`configs/table-*.toml` are links to them), each with the published figures. `plan` says
which tables a folder and this machine allow, `driver` makes them, `measuring` measures what is a matter of seconds,
`sections` turns results into text and tables, and `page` writes them as HTML and Markdown.
"""

from tonearm.reference.driver import Made, make_tables

__all__ = ["Made", "make_tables"]
